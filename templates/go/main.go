// A command-line program.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println("Hello from mewz")
	for number, argument := range os.Args[1:] {
		fmt.Printf("argument %d: %s\n", number+1, argument)
	}
}

// An HTTP server.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"syscall"
)

// The first of `listen` in mewz.toml.
const listenerDescriptor = 3

// Your application: what answers which path.
func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello from mewz\nYou sent a %s\n", r.Method)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "There is nothing here", http.StatusNotFound)
	})
	return mux
}

func main() {
	listener, err := listen(listenerDescriptor)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	log.Fatal(http.Serve(listener, routes()))
}

// Takes over a socket that was opened for this program: Go has no way to open one under WASI.
func listen(descriptor int) (net.Listener, error) {
	// Go waits for all of its sockets at once, so none of them may block.
	if err := syscall.SetNonblock(descriptor, true); err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(descriptor), "listener")
	defer file.Close()
	return net.FileListener(file)
}

// An HTTP server of Go's net/http over the listener at descriptor 3.
package main

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	// Else one call that waits for the next connection keeps all others waiting, and Go asks before it takes it over.
	if problem := syscall.SetNonblock(3, true); problem != nil {
		panic(problem)
	}
	listener, problem := net.FileListener(os.NewFile(3, "listener"))
	if problem != nil {
		panic(problem)
	}
	http.HandleFunc("/hash", hash)
	http.HandleFunc("/bytes/", content)
	http.HandleFunc("/stop", func(http.ResponseWriter, *http.Request) { os.Exit(0) })
	http.HandleFunc("/", func(out http.ResponseWriter, request *http.Request) {
		fmt.Fprintf(out, "hello %s\n", request.URL.Path[1:])
	})
	fmt.Println("listening")
	panic(http.Serve(listener, nil))
}

// Tells length and FNV-1a of a body.
func hash(out http.ResponseWriter, request *http.Request) {
	sum := fnv.New64a()
	count, _ := io.Copy(sum, request.Body)
	fmt.Fprintf(out, "%d %016x\n", count, sum.Sum64())
}

// Answers as many bytes as the path says.
func content(out http.ResponseWriter, request *http.Request) {
	count, _ := strconv.Atoi(strings.TrimPrefix(request.URL.Path, "/bytes/"))
	body := make([]byte, count)
	for at := range body {
		body[at] = byte(at*31 + at/251)
	}
	out.Header().Set("Content-Length", strconv.Itoa(count))
	io.Copy(out, bytes.NewReader(body))
}

// A server that answers each request with its method, target and content, in hexadecimal with commas
// between them. Prints its port as a line of JSON.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
)

func echo(writer http.ResponseWriter, request *http.Request) {
	content, err := io.ReadAll(request.Body)
	if err != nil {
		writer.Header().Set("X-Error", err.Error())
		writer.Header().Set("Connection", "close")
		writer.WriteHeader(http.StatusBadRequest)
		return
	}
	fmt.Fprintf(writer, "%x,%x,%x", request.Method, request.RequestURI, content)
}

func main() {
	log.SetOutput(io.Discard)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatalln(err)
	}
	fmt.Printf("{\"go\": %d}\n", listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, http.HandlerFunc(echo))
}

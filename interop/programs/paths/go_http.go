// Three apps on net/http: one matches prefixes of URL.Path, one is a ServeMux, and one serves the
// files of FOLDER. Prints their ports by name, as one line of JSON.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
)

var prefixes = []string{"/account/", "/p@q/", "/café/"}

func showResource(writer http.ResponseWriter, request *http.Request) {
	fmt.Fprintf(writer, "resource: %s\n", request.URL.Path)
}

func showNothing(writer http.ResponseWriter, _ *http.Request) {
	writer.WriteHeader(http.StatusNotFound)
	fmt.Fprintln(writer, "resource: none")
}

func isKnown(name string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	isOrders, _ := path.Match("/api/v*/orders", name)
	return isOrders || name == "/chat"
}

func matchPrefix(writer http.ResponseWriter, request *http.Request) {
	if isKnown(request.URL.Path) {
		showResource(writer, request)
	} else {
		showNothing(writer, request)
	}
}

func newMux() http.Handler {
	mux := http.NewServeMux()
	for _, pattern := range append(prefixes, "/chat", "/api/v1/orders") {
		mux.HandleFunc(pattern, showResource)
	}
	mux.HandleFunc("/", showNothing)
	return mux
}

func main() {
	log.SetOutput(io.Discard)
	apps := map[string]http.Handler{
		"go-path":  http.HandlerFunc(matchPrefix),
		"go-mux":   newMux(),
		"go-files": http.FileServer(http.Dir(os.Args[1])),
	}
	ports := map[string]int{}
	for name, app := range apps {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			log.Fatalln(err)
		}
		ports[name] = listener.Addr().(*net.TCPAddr).Port
		go http.Serve(listener, app)
	}
	json.NewEncoder(os.Stdout).Encode(ports)
	select {}
}

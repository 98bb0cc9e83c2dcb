// Command gofunction is functions for tests, made with Google's functions framework for Go. It prints where it is, and a line for each
// event that a function saw. It ends with its standard input.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
	"github.com/GoogleCloudPlatform/functions-framework-go/functions"
	cloudevents "github.com/cloudevents/sdk-go/v2"
)

type sight struct {
	ID      string          `json:"id"`
	Source  string          `json:"source"`
	Type    string          `json:"type"`
	Subject string          `json:"subject"`
	Data    json.RawMessage `json:"data"`
}

func main() {
	functions.HTTP("http", plain)
	functions.CloudEvent("event", event)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	l, err := net.Listen("tcp", "127.0.0.1:0") // for a free port: the framework does not say which one it got
	if err != nil {
		log.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	fmt.Printf("at http://%s:%s\n", host, port)
	log.Fatal(funcframework.StartHostPort(host, port))
}

// plain answers with an HTTP response object, or fails if the event says so.
func plain(w http.ResponseWriter, r *http.Request) {
	var s sight
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	saw(s)
	if s.Type == "fail" {
		panic("told to fail")
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"statusCode": 201, "body": "hello " + s.ID})
}

func event(_ context.Context, e cloudevents.Event) error {
	saw(sight{e.ID(), e.Source(), e.Type(), e.Subject(), e.Data()})
	if e.Type() == "fail" {
		return errors.New("told to fail")
	}
	return nil
}

func saw(s sight) {
	line, _ := json.Marshal(s)
	fmt.Printf("saw %s\n", line)
}

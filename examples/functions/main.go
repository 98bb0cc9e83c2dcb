// Command functions is five small functions behind one HTTP server. Each gets events as CloudEvents 1.0, prints them one a line, and
// answers. A function is nothing more than this: it may be in any language, and on any host.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"io"
	"log"
	"net"
	"net/http"
)

// event is what the functions read of an event; there is more in it.
type event struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// request is the data of an event that a plain HTTP request became.
type request struct {
	Path   string            `json:"path"`
	Params map[string]string `json:"params"`
}

// response is what a function answers to such a request, unless it is one of response "passthrough".
type response struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body"`
}

type user struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

var users = []user{{"1", "Max"}, {"2", "Mia"}}

func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on; port 0 takes a free one")
	flag.Parse()
	handle("createUser", createUser)
	handle("sendEmail", sendEmail)
	handle("listUsers", listUsers)
	handle("getUser", getUser)
	handle("about", about)
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("functions are at http://%s\n", l.Addr())
	log.Fatal(http.Serve(l, nil))
}

// createUser is invoked by name: whatever it answers goes to the caller.
func createUser(w http.ResponseWriter, e event) error {
	u := user{ID: "3"}
	if err := json.Unmarshal(e.Data, &u); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(u)
}

// sendEmail gets events that nobody waits for: what it answers is read by nobody, only its status counts.
func sendEmail(w http.ResponseWriter, _ event) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// listUsers answers a plain HTTP request.
func listUsers(w http.ResponseWriter, _ event) error {
	return respond(w, http.StatusOK, users)
}

// getUser answers requests for /users/:id.
func getUser(w http.ResponseWriter, e event) error {
	var r request
	if err := json.Unmarshal(e.Data, &r); err != nil {
		return err
	}
	for _, u := range users {
		if u.ID == r.Params["id"] {
			return respond(w, http.StatusOK, u)
		}
	}
	return respond(w, http.StatusNotFound, map[string]string{"message": "there is no such user"})
}

// about is a function of response "passthrough": its status, headers and body go to the caller as they are.
func about(w http.ResponseWriter, e event) error {
	var r request
	if err := json.Unmarshal(e.Data, &r); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := fmt.Fprintf(w, "<p>You are at %s.</p>\n", html.EscapeString(r.Path))
	return err
}

// respond answers with the object that stands for an HTTP response.
func respond(w http.ResponseWriter, status int, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(response{status, map[string]string{"Content-Type": "application/json"}, string(text)})
}

// handle serves a function at /name. An error is a status that the gateway counts as a failure.
func handle(name string, function func(http.ResponseWriter, event) error) {
	http.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var line bytes.Buffer
		var e event
		if json.Compact(&line, body) != nil || json.Unmarshal(body, &e) != nil {
			http.Error(w, "this is no event", http.StatusBadRequest)
			return
		}
		fmt.Printf("%s got %s\n", name, line.Bytes())
		if err := function(w, e); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

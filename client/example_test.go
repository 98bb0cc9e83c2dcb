package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/event-gateway/event-gateway/client"
)

type user struct {
	Name string `json:"name"`
}

// A function is registered and subscribed to an event, which is then sent.
func Example() {
	ctx, gateway := context.Background(), startGateway() // yours runs already
	defer gateway.stop()
	c, err := client.New(client.Options{EventsURL: gateway.events, ConfigURL: gateway.config})
	if err != nil {
		log.Fatal(err)
	}

	got := make(chan user)
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := client.Receive(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var u user
		if err := event.Decode(&u); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		got <- u
	}))
	defer function.Close()

	if _, err := c.Functions.Create(ctx, client.HTTPFunction("sendEmail", function.URL)); err != nil {
		log.Fatal(err)
	}
	s, err := c.Subscriptions.Create(ctx, client.Subscription{Event: "user.created", FunctionID: "sendEmail", Path: "/users"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.ID)

	event, err := client.NewEvent("user.created", user{Name: "Max"})
	if err != nil {
		log.Fatal(err)
	}
	resp, err := c.Send(ctx, "/users", event)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Accepted(), <-got)
	// Output:
	// user.created,sendEmail,%2Fusers
	// true {Max}
}

// A function that sends events on does so with the context of its request: what it sends counts as a consequence of what it got.
func ExampleHandler() {
	ctx, gateway := context.Background(), startGateway()
	defer gateway.stop()
	c, err := client.New(client.Options{EventsURL: gateway.events, ConfigURL: gateway.config})
	if err != nil {
		log.Fatal(err)
	}

	signUp := httptest.NewServer(client.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := client.Receive(r)
		if err == nil {
			_, err = c.Emit(r.Context(), "/mails", "mail.wanted", event.ContentType, event.Data)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})))
	defer signUp.Close()
	got := make(chan string)
	mail := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if event, err := client.Receive(r); err == nil {
			got <- event.Type + ": " + string(event.Data)
		}
	}))
	defer mail.Close()

	for _, f := range []client.Function{client.HTTPFunction("signUp", signUp.URL), client.HTTPFunction("mail", mail.URL)} {
		if _, err := c.Functions.Create(ctx, f); err != nil {
			log.Fatal(err)
		}
	}
	for _, s := range []client.Subscription{
		{Event: "user.created", Path: "/users", FunctionID: "signUp"},
		{Event: "mail.wanted", Path: "/mails", FunctionID: "mail"},
	} {
		if _, err := c.Subscriptions.Create(ctx, s); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := c.Emit(ctx, "/users", "user.created", "text/plain", []byte("Max")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-got)
	// Output: mail.wanted: Max
}

// The answer of a sync subscription comes back to the sender.
func ExampleClient_Send() {
	ctx, gateway := context.Background(), startGateway()
	defer gateway.stop()
	c, err := client.New(client.Options{EventsURL: gateway.events, ConfigURL: gateway.config})
	if err != nil {
		log.Fatal(err)
	}
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"statusCode":422,"body":"the name is taken"}`)
	}))
	defer function.Close()
	_, err1 := c.Functions.Create(ctx, client.HTTPFunction("checkUser", function.URL))
	_, err2 := c.EventTypes.Create(ctx, client.EventType{Name: "user.checked"})
	_, err3 := c.Subscriptions.Create(ctx, client.Subscription{Type: "sync", EventType: "user.checked", Path: "/check", FunctionID: "checkUser"})
	if err := errors.Join(err1, err2, err3); err != nil {
		log.Fatal(err)
	}

	resp, err := c.Send(ctx, "/check", client.Event{Type: "user.checked", Data: []byte(`{"name":"Max"}`)})
	if resp == nil { // the gateway did not answer
		log.Fatal(err)
	}
	fmt.Printf("%d %s\n", resp.Status, resp.Body)
	// Output: 422 the name is taken
}

// What was read is changed and written back, unless somebody else was faster.
func ExampleResource_Update() {
	ctx, gateway := context.Background(), startGateway()
	defer gateway.stop()
	c, err := client.New(client.Options{ConfigURL: gateway.config})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Functions.Create(ctx, client.HTTPFunction("hello", "http://localhost:8080/hello")); err != nil {
		log.Fatal(err)
	}

	for {
		f, err := c.Functions.Get(ctx, "hello")
		if err != nil {
			log.Fatal(err)
		}
		f.Metadata = map[string]string{"stage": "dev"}
		_, err = c.Functions.Update(ctx, f)
		if client.Status(err) == http.StatusPreconditionFailed {
			continue // it was changed meanwhile: look again
		}
		if err != nil {
			log.Fatal(err)
		}
		break
	}

	inDev, err := c.Functions.List(ctx, map[string]string{"stage": "dev"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(inDev), inDev[0].ID)
	// Output: 1 hello
}

// Errors have the gateway's status and words.
func ExampleError() {
	ctx, gateway := context.Background(), startGateway()
	defer gateway.stop()
	c, err := client.New(client.Options{ConfigURL: gateway.config})
	if err != nil {
		log.Fatal(err)
	}

	_, err = c.Functions.Get(ctx, "nobody")
	var refusal *client.Error
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Status, refusal.Message)
	}
	fmt.Println(client.Status(err) == http.StatusNotFound)
	// Output:
	// 404 Function "nobody" not found.
	// true
}

package invoke

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/event-gateway/event-gateway/invoke/event"
	"github.com/event-gateway/event-gateway/store"
)

// maxAuthorization bounds what an authorizer says of a sender: each delivery carries it.
const maxAuthorization = 16 << 10

// Authorize asks the authorizer f whether an event that r brought may go to t. It returns ev with what the authorizer says of the sender, or why the event may not go there: that
// is anything but a clear yes.
func (d *Dispatcher) Authorize(ctx context.Context, f *store.Function, ev *event.Event, r *http.Request, path string, t store.Target) (*event.Event, error) {
	authorization, err := d.ask(ctx, f, ev, r, path, t)
	d.metrics.invoked(f, err)
	if err != nil {
		e := named(err, f)
		level := slog.LevelWarn
		if errors.Is(err, errRefused) {
			level = slog.LevelDebug // it is what authorizers are for
		}
		d.log.Log(ctx, level, "an event was not authorized", "space", f.Space, "authorizer", f.ID, "event", ev.ID, "type", ev.Type, "class", e.Class, "error", e)
		return nil, e
	}
	authorized := *ev
	authorized.Authorization = authorization
	authorized.Size += len(authorization)
	return &authorized, nil
}

func (d *Dispatcher) ask(ctx context.Context, f *store.Function, ev *event.Event, r *http.Request, path string, t store.Target) ([]byte, error) {
	asked := store.Target{Subscription: t.Subscription, Function: f}
	body, err := ev.AppendAuthorization(nil, d.format(asked), r, path, event.Params{Names: t.Names, Values: t.Values})
	if err != nil {
		return nil, err
	}
	a, err := d.call(ctx, f, payloadOf(ev, headerOf("application/json"), body), true)
	if err == nil {
		err = d.failure(a, f)
	}
	if err != nil {
		return nil, err
	}
	return parseAuthorization(a.Body)
}

var errRefused = &Error{Class: Denied, Message: "it refused the event"}

// parseAuthorization returns the authorization in an authorizer's answer, as JSON.
func parseAuthorization(answer []byte) ([]byte, error) {
	var a struct {
		Authorization jsontext.Value `json:"authorization"`
		Error         jsontext.Value `json:"error"`
	}
	var said struct {
		PrincipalID *string                   `json:"principalId"`
		Context     map[string]jsontext.Value `json:"context"`
	}
	switch {
	case len(answer) > maxAuthorization:
		return nil, invalidAnswer("its answer has more than %d bytes", maxAuthorization)
	case json.Unmarshal(answer, &a) != nil:
		return nil, invalidAnswer("its answer is no JSON object with an authorization or an error")
	case given(a.Error):
		return nil, errRefused
	case !given(a.Authorization):
		return nil, invalidAnswer("its answer has neither an authorization nor an error")
	}
	if err := json.Unmarshal(a.Authorization, &said); err != nil {
		return nil, invalidAnswer("its authorization must be an object with a principalId and, if there is one, a context that is an object")
	}
	if said.PrincipalID == nil || *said.PrincipalID == "" {
		return nil, invalidAnswer("its authorization has no principalId")
	}
	return a.Authorization, nil
}

// given says whether a member was there and not null.
func given(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }

package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Resource is the objects of one kind in the client's space. An object that was read can be changed and given to Update as it is, also
// if the gateway is newer than this package: members of it that T does not have are kept.
type Resource[T any] struct {
	api    *endpoint
	kind   string // for errors
	path   string
	plural string // the member of a list's answer
	parts  func(*T) parts
}

// parts is what a Resource needs of an object.
type parts struct {
	id     string
	stored *Stored
	drop   func() // clears what the gateway alone sets, may be nil
}

func newResource[T any](api *endpoint, space, kind, plural string, p func(*T) parts) *Resource[T] {
	path := "/v1/spaces/" + escape(space) + "/" + strings.ToLower(plural)
	return &Resource[T]{api: api, kind: kind, path: path, plural: plural, parts: p}
}

// List returns the objects that have all of the given metadata, and all objects if there is none. They have no Revision.
func (r *Resource[T]) List(ctx context.Context, metadata ...map[string]string) ([]T, error) {
	query := url.Values{}
	for _, m := range metadata {
		for key, value := range m {
			query.Set("metadata."+key, value)
		}
	}
	path := r.path
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	resp, err := r.do(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return nil, err
	}
	var lists map[string][]json.RawMessage
	if err := json.Unmarshal(resp.Body, &lists); err != nil || lists[r.plural] == nil {
		return nil, r.unreadable("a list of "+r.plural, err)
	}
	found := make([]T, len(lists[r.plural]))
	for i, object := range lists[r.plural] {
		if err := r.decode(object, &found[i]); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Get returns the object with the id.
func (r *Resource[T]) Get(ctx context.Context, id string) (T, error) {
	return r.object(ctx, http.MethodGet, id, "", nil)
}

// Create makes an object, and returns it as the gateway keeps it: with its id, defaults and Revision. If it is there already, the
// error has the status 409.
func (r *Resource[T]) Create(ctx context.Context, object T) (T, error) {
	body, _, err := r.encode(object)
	if err != nil {
		return object, err
	}
	resp, err := r.do(ctx, http.MethodPost, r.path, "", body)
	return r.answered(resp, err)
}

// Update replaces the object that has the object's id. If the object has a Revision (it came from Get, Create or Update), it is replaced
// only if nobody changed it since: else the error has the status 412. Without one it is replaced whatever it is.
func (r *Resource[T]) Update(ctx context.Context, object T) (T, error) {
	body, p, err := r.encode(object)
	if err != nil {
		return object, err
	}
	return r.object(ctx, http.MethodPut, p.id, p.stored.Revision, body)
}

// Delete deletes the object with the id.
func (r *Resource[T]) Delete(ctx context.Context, id string) error {
	return r.DeleteRevision(ctx, id, "")
}

// DeleteRevision deletes the object with the id if it still has the revision: else the error has the status 412.
func (r *Resource[T]) DeleteRevision(ctx context.Context, id, revision string) error {
	path, err := r.pathOf(http.MethodDelete, id)
	if err == nil {
		_, err = r.do(ctx, http.MethodDelete, path, revision, nil)
	}
	return err
}

func (r *Resource[T]) object(ctx context.Context, method, id, revision string, body []byte) (object T, err error) {
	path, err := r.pathOf(method, id)
	if err != nil {
		return object, err
	}
	resp, err := r.do(ctx, method, path, revision, body)
	return r.answered(resp, err)
}

// pathOf returns the path of an object. Without an id it would be another path: that of all of them.
func (r *Resource[T]) pathOf(method, id string) (string, error) {
	if id == "" {
		return "", fmt.Errorf("event gateway: %s %s: the %s has no id", method, r.path, r.kind)
	}
	return r.path + "/" + escape(id), nil
}

func (r *Resource[T]) do(ctx context.Context, method, path, revision string, body []byte) (*Response, error) {
	header := http.Header{}
	if body != nil {
		header.Set("Content-Type", jsonType)
	}
	if revision != "" {
		header.Set("If-Match", revision)
	}
	resp, err := r.api.do(ctx, method, path, header, body)
	if err == nil && resp.Status >= 300 {
		redirect := &Error{Status: resp.Status, Message: "redirects are not followed: ConfigURL must be where it leads"}
		err = fmt.Errorf("event gateway: %s %s%s: %w", method, r.api.base, path, redirect)
	}
	return resp, err
}

func (r *Resource[T]) answered(resp *Response, err error) (object T, _ error) {
	if err != nil {
		return object, err
	}
	if err := r.decode(resp.Body, &object); err != nil {
		return object, err
	}
	// What compresses answers on the way makes the tag a weak one, which If-Match would never match. It says the same still.
	r.parts(&object).stored.Revision = strings.TrimPrefix(resp.Header.Get("ETag"), "W/")
	return object, nil
}

func (r *Resource[T]) unreadable(what string, err error) error {
	if err != nil {
		return fmt.Errorf("event gateway: %s%s: the answer is not %s: is ConfigURL right? %w", r.api.base, r.path, what, err)
	}
	return fmt.Errorf("event gateway: %s%s: the answer is not %s: is ConfigURL right?", r.api.base, r.path, what)
}

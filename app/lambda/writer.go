package lambda

import (
	"bytes"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/net/http/httpguts"
)

// writer is the http.ResponseWriter of one answer. It holds what net/http's server would have sent.
type writer struct {
	head   bool // the answer has no body
	limit  int
	header http.Header
	status int         // 0 until the answer begins
	sent   http.Header // the header as it was then
	body   bytes.Buffer
	size   int  // of the body, which HEAD does not keep
	over   bool // the body is larger than the limit
}

var errTooLarge = errors.New("the answer is larger than an AWS Lambda may give")

// Header implements http.ResponseWriter.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. The first status counts; there is nothing that could take an informational one.
func (w *writer) WriteHeader(status int) {
	switch {
	case w.status != 0:
		return
	case status < 100 || status > 999:
		panic("invalid status " + strconv.Itoa(status))
	case status < 200 && status != http.StatusSwitchingProtocols:
		return
	}
	w.status, w.sent = status, w.header.Clone()
}

// Write implements http.ResponseWriter.
func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	switch {
	case len(p) == 0:
		return 0, nil
	case !w.bodyAllowed():
		return 0, http.ErrBodyNotAllowed
	case w.head: // nothing of it is sent
		w.size += len(p)
		w.body.Write(p[:min(len(p), sniffed-w.body.Len())])
		return len(p), nil
	case w.over || len(p) > w.limit-w.body.Len():
		w.over, w.body = true, bytes.Buffer{}
		return 0, errTooLarge
	}
	w.size += len(p)
	return w.body.Write(p)
}

// sniffed is how many bytes of a body tell its type.
const sniffed = 512

// Flush implements http.Flusher. The answer begins, but it is given whole.
func (w *writer) Flush() { w.WriteHeader(http.StatusOK) }

// fail answers with an error message, whatever was written before.
func (w *writer) fail(status int, message string) {
	body, _ := jsontext.AppendQuote([]byte(`{"errors":[{"message":`), message)
	w.status, w.sent, w.over = status, http.Header{"Content-Type": {"application/json"}}, false
	w.body.Reset()
	w.body.Write(append(body, "}]}\n"...))
	w.size = w.body.Len()
}

// finish settles what net/http's server does by itself when the handler returns.
func (w *writer) finish() {
	w.WriteHeader(http.StatusOK)
	h, n := w.sent, w.size
	_, typed := h["Content-Type"]
	switch {
	case !w.bodyAllowed():
		delete(h, "Content-Length")
		if w.status == http.StatusNotModified {
			delete(h, "Content-Type")
		}
	case n > 0 && !typed && h.Get("Content-Encoding") == "":
		h.Set("Content-Type", http.DetectContentType(w.body.Bytes()))
	}
	// An answer to HEAD may tell the length of the body that GET would have.
	if w.bodyAllowed() && (!w.head || n > 0 && h.Get("Content-Length") == "") {
		h.Set("Content-Length", strconv.Itoa(n))
	}
	for name, values := range h {
		if len(values) == 0 || !httpguts.ValidHeaderFieldName(name) {
			delete(h, name)
		}
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Trailer", "Transfer-Encoding", "Upgrade"} { // there is no connection
		delete(h, name)
	}
	if w.head {
		w.body.Reset()
	}
}

func (w *writer) bodyAllowed() bool {
	return w.status >= 200 && w.status != http.StatusNoContent && w.status != http.StatusNotModified
}

// copyTo gives the answer to a writer of the library.
func (w *writer) copyTo(out http.ResponseWriter) {
	maps.Copy(out.Header(), w.sent)
	out.WriteHeader(w.status)
	if w.body.Len() > 0 {
		_, _ = out.Write(w.body.Bytes())
	}
	if _, ok := w.sent["Content-Type"]; !ok {
		out.Header().Del("Content-Type") // the library gives each body one
	}
}

// armor encodes the body that the library made, if it has not done so: what is compressed is binary, also if it looks like text.
func (w *writer) armor(body string, encoded bool) (string, bool) {
	if encoded || body == "" || w.sent.Get("Content-Encoding") == "" {
		return body, encoded
	}
	return base64.StdEncoding.EncodeToString([]byte(body)), true
}

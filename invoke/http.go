package invoke

import (
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// httpTimeout is how long a function of type http may take to answer, the reading of its answer included.
const httpTimeout = 5 * time.Second

func httpType() store.FunctionType {
	return store.FunctionType{
		Name: "http", Title: "HTTP endpoint", Web: true,
		Fields: []store.Field{{Name: "url", Required: true}},
		Check: func(p store.Provider) error {
			_, err := parseURL(p.Text("url"))
			return err
		},
	}
}

func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("provider.url must be an absolute URL that begins with http:// or https://")
	case !validPort(u.Port()):
		return nil, errors.New("provider.url has a port that is none: it is a number up to 65535")
	case u.User != nil:
		return nil, errors.New("provider.url must not contain a user or a password: it is shown to everybody who may read the configuration")
	}
	return u, nil
}

func validPort(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil
}

// openHTTP makes an Invoker that posts the event.
func openHTTP(s store.Settings, e *Egress) (Invoker, error) {
	u, err := parseURL(s.Text("url"))
	if err != nil {
		return nil, err
	}
	w := &endpoint{url: u, timeout: httpTimeout, transport: e.transport}
	return w.invoke, nil
}

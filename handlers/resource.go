package handlers

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/event-gateway/event-gateway/store"
)

// resource is what the five routes of a kind of record do. Its functions have the form of the configuration's methods.
type resource[R any] struct {
	plural   string // the member of a list's answer
	list     func(s *store.Snapshot, space string) iter.Seq[R]
	get      func(config *store.Config, space, id string) (R, error)
	create   func(config *store.Config, ctx context.Context, space string, body []byte) (R, error)
	update   func(config *store.Config, ctx context.Context, space, id string, body []byte, match store.Match) (R, error)
	delete   func(config *store.Config, ctx context.Context, space, id string, match store.Match) (store.Rev, error)
	metadata func(R) map[string]string
	rev      func(R) store.Rev
	id       func(R) string
}

type resourceHandler[R any] struct {
	*Gateway
	name string
	res  resource[R]
}

// counted wraps a handler that gets the configuration of the space's realm and answers, or returns why it cannot.
func (h *resourceHandler[R]) counted(operation string, handle func(c *gin.Context, config *store.Config) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		began := time.Now()
		config, snapshot, err := h.configOf(c)
		if err == nil {
			setRevision(c, snapshot.Head.Rev) // the answer is no older; what changes something knows better
			err = handle(c, config)
		}
		if err != nil {
			h.fail(c, err)
		} else if c.Request.Method != http.MethodGet {
			h.Log.Info("the configuration was changed", "operation", operation, "resource", h.name, "space", space(c), "id", c.GetString(loggedID),
				"etag", c.Writer.Header().Get("ETag"), "revision", c.GetUint64(loggedRevision), "caller", h.changedBy(c.Request))
		}
		if config != nil {
			snapshot, _ = config.Snapshot() // with the change, if it was one
		}
		h.Metrics.configured(snapshot, space(c), h.name, operation, time.Since(began))
	}
}

// configOf returns the configuration that the space in the path is part of, and its current snapshot.
func (g *Gateway) configOf(c *gin.Context) (*store.Config, *store.Snapshot, error) {
	realm, err := g.Realms.Of(space(c))
	if err != nil {
		return nil, nil, err
	}
	config, err := g.Realms.Config(c.Request.Context(), realm)
	if err != nil {
		return nil, nil, err
	}
	s, err := config.Snapshot()
	return config, s, err
}

// setRevision says which revision of the configuration an answer holds.
func setRevision(c *gin.Context, rev store.Rev) {
	c.Header("X-Config-Revision", strconv.FormatUint(uint64(rev), 10))
	c.Set(loggedRevision, uint64(rev))
}

func (h *resourceHandler[R]) list(c *gin.Context, config *store.Config) error {
	s, err := config.Snapshot()
	if err != nil {
		return err
	}
	wanted := metadataFilter(c.Request.URL.Query())
	found := []R{}
	for r := range h.res.list(s, space(c)) {
		if has(h.res.metadata(r), wanted) {
			found = append(found, r)
		}
	}
	respondJSON(c, http.StatusOK, map[string][]R{h.res.plural: found})
	return nil
}

func (h *resourceHandler[R]) get(c *gin.Context, config *store.Config) error {
	r, err := h.res.get(config, space(c), h.id(c, config))
	if err == nil {
		h.respond(c, http.StatusOK, r)
	}
	return err
}

func (h *resourceHandler[R]) create(c *gin.Context, config *store.Config) error {
	body, err := readBody(c, maxConfigBody)
	if err != nil {
		return err
	}
	r, err := h.res.create(config, c.Request.Context(), space(c), body)
	if err == nil {
		setRevision(c, h.res.rev(r))
		c.Set(loggedID, h.res.id(r))
		h.respond(c, http.StatusCreated, r)
	}
	return err
}

func (h *resourceHandler[R]) update(c *gin.Context, config *store.Config) error {
	body, err := readBody(c, maxConfigBody)
	if err != nil {
		return err
	}
	match, err := ifMatch(c)
	if err != nil {
		return err
	}
	r, err := h.res.update(config, c.Request.Context(), space(c), h.id(c, config), body, match)
	if err == nil {
		setRevision(c, h.res.rev(r))
		h.respond(c, http.StatusOK, r)
	}
	return err
}

func (h *resourceHandler[R]) delete(c *gin.Context, config *store.Config) error {
	match, err := ifMatch(c)
	if err != nil {
		return err
	}
	rev, err := h.res.delete(config, c.Request.Context(), space(c), h.id(c, config), match)
	if err == nil {
		setRevision(c, rev)
		respondJSON(c, http.StatusNoContent, nil)
	}
	return err
}

func (h *resourceHandler[R]) respond(c *gin.Context, status int, r R) {
	c.Header("ETag", etag(h.res.rev(r)))
	respondJSON(c, status, r)
}

// space returns the space in the path, which may be percent-encoded.
func space(c *gin.Context) string {
	raw := c.Param("space")
	if decoded, err := url.PathUnescape(raw); err == nil {
		return decoded
	}
	return raw
}

// id returns the id in the path. Clients put ids there raw, though they contain percent signs, or encoded.
func (h *resourceHandler[R]) id(c *gin.Context, config *store.Config) string {
	id := c.Param("id")
	if decoded, err := url.PathUnescape(id); err == nil && decoded != id {
		if _, err := h.res.get(config, space(c), decoded); err == nil {
			id = decoded
		}
	}
	c.Set(loggedID, id)
	return id
}

// Where a request keeps the id and the revision for the log.
const (
	loggedID       = "id"
	loggedRevision = "revision"
)

func etag(rev store.Rev) string { return `"` + strconv.FormatUint(uint64(rev), 10) + `"` }

// ifMatch returns the condition of the request (RFC 9110, 13.1.1), or nil.
func ifMatch(c *gin.Context) (store.Match, error) {
	header := strings.Join(c.Request.Header.Values("If-Match"), ",")
	if header == "" || strings.TrimSpace(header) == "*" {
		return nil, nil
	}
	var tags []string
	for tag := range strings.SplitSeq(header, ",") {
		if tag = strings.TrimSpace(tag); !strings.HasSuffix(tag, `"`) {
			return nil, statusError(http.StatusBadRequest, `If-Match needs the quotes of the ETag: If-Match: "7".`)
		}
		tags = append(tags, tag)
	}
	return func(rev store.Rev) bool { return slices.Contains(tags, etag(rev)) }, nil
}

// metadataFilter returns the metadata that a list is asked for: metadata.k=v. Other parameters have no meaning.
func metadataFilter(query url.Values) map[string]string {
	wanted := map[string]string{}
	for name, values := range query {
		if key, ok := strings.CutPrefix(name, "metadata."); ok && len(values) > 0 {
			wanted[key] = values[0]
		}
	}
	return wanted
}

func has(metadata, wanted map[string]string) bool {
	for key, value := range wanted {
		if got, ok := metadata[key]; !ok || got != value {
			return false
		}
	}
	return true
}

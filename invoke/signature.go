package invoke

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/event-gateway/event-gateway/store"
)

// webhookKeys sign what goes out (github.com/standard-webhooks/standard-webhooks, version 1 of its symmetric signatures). While one takes
// the place of another, there are both. The library of that project makes copies of the body for each.
type webhookKeys [][]byte

const (
	maxWebhookKeys    = 8
	webhookPrefix     = "whsec_"
	minWebhookKey     = 24 // bytes
	maxWebhookKey     = 64
	webhookSecretForm = "whsec_ and the base64 of 24 to 64 bytes"
)

// readWebhookKeys returns the keys in the order of their names. Settings that are not opened may have store.Masked in place of one.
func readWebhookKeys(p store.Provider, opened bool) (webhookKeys, error) {
	var keys webhookKeys
	for name, secret := range p.Map("signing") {
		if name == "" || word(name, "._-") != name {
			return nil, fmt.Errorf("provider.signing has the name %.40q, it can have letters, digits, dots, hyphens and underscores, at most 64", name)
		}
		key, ok := webhookKey(secret)
		if !ok && (opened || secret != store.Masked) {
			return nil, fmt.Errorf("provider.signing.%s must be %s", name, webhookSecretForm)
		}
		if keys = append(keys, key); len(keys) > maxWebhookKeys {
			return nil, fmt.Errorf("provider.signing has more than %d secrets", maxWebhookKeys)
		}
	}
	return keys, nil
}

func webhookKey(secret string) ([]byte, bool) {
	text, ok := strings.CutPrefix(secret, webhookPrefix)
	if !ok || strings.ContainsAny(text, "\r\n") { // which the decoder passes over
		return nil, false
	}
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	return key, err == nil && len(key) >= minWebhookKey && len(key) <= maxWebhookKey
}

// sign adds the headers of a delivery that is sent now.
func (k webhookKeys) sign(header http.Header, id string, now time.Time, body []byte) {
	at := strconv.FormatInt(now.Unix(), 10)
	var signatures []byte
	for i, key := range k {
		if i > 0 {
			signatures = append(signatures, ' ')
		}
		h := hmac.New(sha256.New, key)
		h.Write([]byte(id + "." + at + "."))
		h.Write(body)
		signatures = base64.StdEncoding.AppendEncode(append(signatures, "v1,"...), h.Sum(nil))
	}
	header["Webhook-Id"], header["Webhook-Timestamp"], header["Webhook-Signature"] = []string{id}, []string{at}, []string{string(signatures)}
}

package invoke_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/invoketest"
)

// issuer gives out signed tokens (RFC 7519) and says whether one that comes back is good.
type issuer struct {
	key *rsa.PrivateKey

	mu      sync.Mutex
	issued  int
	refused int // those up to it are refused from now on
	expired bool
}

func newKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue signs a token with these claims and those that all have.
func (i *issuer) issue(claims map[string]any) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.issued++
	all := map[string]any{"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "jti": i.issued}
	maps.Copy(all, claims)
	head, _ := json.Marshal(map[string]string{"alg": "RS256", "typ": "JWT", "kid": "1"})
	body, _ := json.Marshal(all)
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	signature, _ := rsa.SignPKCS1v15(nil, i.key, crypto.SHA256, sum[:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// verified returns the header and the claims of a token that was signed with a key.
func verified(key *rsa.PublicKey, signed string) (head, claims map[string]any, err error) {
	parts := strings.Split(signed, ".")
	if len(parts) != 3 {
		return nil, nil, errors.New("no signed token")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature); err != nil {
		return nil, nil, err
	}
	for i, into := range []*map[string]any{&head, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return nil, nil, err
		}
		if err := json.Unmarshal(text, into); err != nil {
			return nil, nil, err
		}
	}
	if exp, _ := claims["exp"].(float64); head["alg"] != "RS256" || time.Now().Unix() >= int64(exp) {
		return nil, nil, errors.New("not of RS256, or expired")
	}
	return head, claims, nil
}

// lets says whether the request has a good token for the audience. Where the tokens expire, those of then are refused.
func (i *issuer) lets(r *http.Request, audience string, what invoketest.Behaviour) bool {
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	_, claims, err := verified(&i.key.PublicKey, bearer)
	if !ok || err != nil || claims["aud"] != audience {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if what == invoketest.Expire && !i.expired {
		i.expired, i.refused = true, i.issued
	}
	return claims["jti"].(float64) > float64(i.refused)
}

func (i *issuer) tokens() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.issued
}

// wantFailure wants an *Error of a class, with a message that has all the words.
func wantFailure(t *testing.T, err error, class invoke.Class, words ...string) *invoke.Error {
	t.Helper()
	var e *invoke.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *Error", err)
	}
	if e.Class != class {
		t.Errorf("the class is %q, want %q: %v", e.Class, class, err)
	}
	for _, w := range words {
		if !strings.Contains(e.Message, w) {
			t.Errorf("the message is %q, want %q in it", e.Message, w)
		}
	}
	return e
}

package invoke

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/event-gateway/event-gateway/store"
)

// Credentials says with which credentials of a cloud functions may be called.
type Credentials string

const (
	OwnCredentials     Credentials = "own"     // those that the function has
	RoleCredentials    Credentials = "role"    // also those of a role that it names, which the gateway assumes with its own
	GatewayCredentials Credentials = "gateway" // also the gateway's own
)

// Lent returns with whose credentials functions may be called.
func (o EgressOptions) Lent() Credentials {
	switch {
	case o.Credentials != "":
		return o.Credentials
	case o.Hosted:
		return OwnCredentials
	}
	return GatewayCredentials
}

var (
	errNoKeys = errors.New("provider.awsAccessKeyId and provider.awsSecretAccessKey are required: this gateway calls nothing with AWS credentials of its own")
	errNoRole = errors.New("provider.awsAccessKeyId and provider.awsSecretAccessKey, or provider.roleArn, are required: this gateway calls no function with AWS credentials of its own")
)

// checkAWS says what a function on AWS lacks.
func (c Credentials) checkAWS(p store.Provider) error {
	switch {
	case ownKeys(p):
		return nil
	case c == OwnCredentials:
		return errNoKeys
	case c == RoleCredentials && p.Text("roleArn") == "":
		return errNoRole
	}
	return nil
}

const (
	renewRoleBefore = 5 * time.Minute  // they expire, the credentials of a role are renewed, or some time later, so that not all are at once
	renewAgain      = 10 * time.Second // after it failed
	renewRoleAhead  = time.Second      // is how long it may take while the old ones are good: callers wait for it
	refusalLasts    = 5 * time.Second  // whoever refused credentials or a token is not asked again so soon
)

// role is an IAM role that a function names. The cache asks it for credentials, one call at a time.
type role struct {
	client  *sts.Client
	by      *awsFunction // how the call of STS is signed and sent
	input   *sts.AssumeRoleInput
	cache   *aws.CredentialsCache
	expires time.Time // of the credentials that it gave last
	refusal refusal

	mu      sync.Mutex
	current string // the id of their key; empty: they are not used
	dropped time.Time
}

// assume makes the credentials that f has so far those that a role is assumed with. STS is where the operator or the region has it, and
// never at a function's endpoint.
func (f *awsFunction) assume(c aws.Config, s store.Settings, hosted bool) {
	external := s.Text("externalId")
	if hosted { // or a space could name a role that trusts the gateway for the sake of another space
		external = s.Space
		if id := s.Text("externalId"); id != "" {
			external += ":" + id
		}
	}
	by := *f
	by.service = awsService{
		name: "AWS STS", denied: "the role in provider.roleArn could not be assumed", busy: "hands out no more credentials for now",
		needs: "whoever assumes it needs sts:AssumeRole on it, and it must trust them, with the same external id if it wants one",
		sts:   true, noSuch: "role", failed: "could not hand out credentials of the role in provider.roleArn",
	}
	f.role = &role{client: sts.NewFromConfig(c), by: &by, input: &sts.AssumeRoleInput{
		RoleArn: aws.String(s.Text("roleArn")), RoleSessionName: aws.String("event-gateway"),
	}}
	if external != "" {
		f.role.input.ExternalId = &external
	}
	f.role.cache = aws.NewCredentialsCache(f.role)
	f.source = f.role.cache
}

// Retrieve implements aws.CredentialsProvider. Its errors are *Error.
func (r *role) Retrieve(ctx context.Context) (none aws.Credentials, err error) {
	if e := r.refusal.last(); e != nil {
		return none, e
	}
	defer func() { r.refusal.note(err) }()
	defer recovered(&err) // in the cache's goroutine it would end the process
	limit := awsTimeout / 2
	if r.inUse() != "" && time.Now().Before(r.expires) {
		limit = renewRoleAhead
	}
	ctx, cancel := context.WithTimeout(ctx, limit) // the cache's has no end
	defer cancel()
	call, err := r.by.begin(ctx)
	if err != nil {
		return none, err
	}
	out, err := r.client.AssumeRole(ctx, r.input, func(o *sts.Options) { o.HTTPClient, o.Credentials = call, call })
	if err != nil {
		return none, call.failure(ctx, err)
	}
	c := out.Credentials
	if c == nil || c.AccessKeyId == nil || c.SecretAccessKey == nil || c.SessionToken == nil || c.Expiration == nil {
		return none, call.nonsense(nil)
	}
	r.expires = *c.Expiration
	r.mu.Lock()
	r.current = *c.AccessKeyId
	r.mu.Unlock()
	return aws.Credentials{
		AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
		CanExpire: true, Expires: r.expires.Add(rand.N(renewRoleBefore/2) - renewRoleBefore),
	}, nil
}

// HandleFailToRefresh implements aws.HandleFailRefreshCredentialsCacheStrategy: while there are no new credentials, the old ones are used up.
func (r *role) HandleFailToRefresh(_ context.Context, old aws.Credentials, err error) (aws.Credentials, error) {
	old.Expires = time.Now().Add(renewAgain)
	if !old.HasKeys() || old.Expires.After(r.expires) {
		return aws.Credentials{}, err
	}
	return old, nil
}

func (r *role) inUse() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

// drop forgets credentials that were refused, unless there are newer ones by now. A function that refuses all of them does not cause many.
func (r *role) drop(refused aws.Credentials) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != refused.AccessKeyID || time.Since(r.dropped) < dropPause {
		return
	}
	r.current, r.dropped = "", time.Now()
	r.cache.Invalidate()
}

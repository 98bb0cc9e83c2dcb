// Package app wires the gateway together and runs it: from options to servers that drain.
package app

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/peterbourgon/ff/v3"

	"github.com/event-gateway/event-gateway/handlers"
	"github.com/event-gateway/event-gateway/invoke"
	"github.com/event-gateway/event-gateway/invoke/queue/sqs"
	"github.com/event-gateway/event-gateway/store"
)

// EnvPrefix begins the name of each option in the environment: -events-port is EVENT_GATEWAY_EVENTS_PORT.
const EnvPrefix = "EVENT_GATEWAY"

// Secrets are no flags, since other users of a machine can read those.
const (
	tokenEnv         = EnvPrefix + "_CONFIG_TOKEN"   // the operator's token
	lineageKeyEnv    = EnvPrefix + "_LINEAGE_KEY"    // signs the lineage of events
	secretKeysEnv    = EnvPrefix + "_SECRET_KEYS"    // seal the secrets of functions
	storePasswordEnv = EnvPrefix + "_STORE_PASSWORD" // of the store's user, or Consul's ACL token, if its URL has none
)

const defaultDataDir = "default.etcd" // of the embedded store

// Options are the settings of a gateway.
type Options struct {
	Dev     bool
	Compat  bool
	Version bool // print the version and end

	EventsAddr, ConfigAddr string
	EventsPort, ConfigPort uint
	EventsTLS, ConfigTLS   KeyPair

	ConfigToken     string
	ConfigTokenFile string

	LineageKey     string
	LineageKeyFile string

	SecretKeys     string // as event-gateway keys makes them
	SecretKeysFile string
	SecretKeysKMS  string // URI of the key that encrypts them

	Store         string // the URL of the store; "embed:" starts one in this process
	SnapshotFile  string // "": none
	EmbedDataDir  string
	EmbedCliAddr  string
	EmbedPeerAddr string

	Queue string // the URL of the queue for async events; "": there is none that outlives the process
	queue sqs.Options

	Invoke         string // "subscribed" or "open"
	WorkersBacklog int
	DrainTimeout   time.Duration

	FunctionConcurrency int
	FunctionCredentials string // "own", "role", "gateway", or "": as EgressOptions has it

	HostedDomains           []string // not empty: hosted mode
	HostedRealms            int
	EgressAllow, EgressDeny []netip.Prefix

	LogLevel, LogFormat string

	// Of the Lambda only.
	Role           string // "events", "config" or "all"
	ConfigIdentity string // as handlers.Gateway has it
	MaxStaleness   time.Duration
	BasePath       string
}

// KeyPair names the PEM files of a TLS listener; both or none are given. They are read again when they change.
type KeyPair struct{ Cert, Key string }

// ParseOptions reads the options of a server from arguments, the environment and, if one is named, a config file, in this order of preference.
// An error is meant for the person who started the process; flag.ErrHelp says that help was asked for, and was written to usage.
func ParseOptions(args []string, usage io.Writer) (*Options, error) {
	o := &Options{}
	fs := flag.NewFlagSet("event-gateway", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // an error is one line; the list of options is for those who ask
	o.declareServer(fs)
	o.declare(fs, "embed:")
	err := ff.Parse(fs, args,
		ff.WithEnvVarPrefix(EnvPrefix),
		ff.WithConfigFileFlag("config-file"), ff.WithConfigFileParser(ff.PlainParser))
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(usage, "Usage: event-gateway [options]\n       event-gateway store check|copy ...  (event-gateway store -help)\n       event-gateway keys create|list|add|rotate|remove ...  (event-gateway keys -help)")
		fs.SetOutput(usage)
		fs.PrintDefaults()
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w (-help lists the options)", err)
	case fs.NArg() > 0:
		return nil, fmt.Errorf("unknown argument %q: options begin with a dash", fs.Arg(0))
	case o.Version:
		return o, nil
	}
	return o, cmp.Or(o.completeServer(), o.complete())
}

// ParseLambdaOptions reads the options of a Lambda from the environment, under the same names. What only a server has is not looked at.
func ParseLambdaOptions() (*Options, error) {
	o := &Options{}
	fs := flag.NewFlagSet("event-gateway-lambda", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	o.declareLambda(fs)
	o.declare(fs, "")
	if err := ff.Parse(fs, nil, ff.WithEnvVarPrefix(EnvPrefix)); err != nil {
		return nil, err
	}
	return o, cmp.Or(o.completeLambda(), o.complete())
}

// declareServer is the list of the options that only a server has.
func (o *Options) declareServer(fs *flag.FlagSet) {
	fs.BoolVar(&o.Dev, "dev", false, "for trying things out on one machine: both APIs on localhost only, text logs, every function can be invoked")
	// Images often have the version of what is in them in this variable.
	fs.BoolFunc("version", "print the version and exit", func(s string) error { o.Version = s == "true"; return nil })
	fs.String("config-file", "", "file with one option a line, such as: events-port 4000")

	fs.StringVar(&o.EventsAddr, "events-addr", "", "address that the Events API listens on (default: all addresses; localhost with -dev)")
	fs.UintVar(&o.EventsPort, "events-port", 4000, "port of the Events API; 0 takes a free one")
	fs.StringVar(&o.EventsTLS.Cert, "events-tls-cert", "", "PEM file with the certificate of the Events API")
	fs.StringVar(&o.EventsTLS.Key, "events-tls-key", "", "PEM file with its key")
	fs.StringVar(&o.ConfigAddr, "config-addr", "localhost", "address that the Config API listens on; any but a loopback address needs a token")
	fs.UintVar(&o.ConfigPort, "config-port", 4001, "port of the Config API; 0 takes a free one")
	fs.StringVar(&o.ConfigTLS.Cert, "config-tls-cert", "", "PEM file with the certificate of the Config API")
	fs.StringVar(&o.ConfigTLS.Key, "config-tls-key", "", "PEM file with its key")

	fs.StringVar(&o.SnapshotFile, "snapshot-file", "", "file that keeps the configuration, so that the gateway can start while the store is away (default: none)")
	fs.StringVar(&o.EmbedDataDir, "embed-data-dir", defaultDataDir, "directory of the embedded etcd")
	fs.StringVar(&o.EmbedCliAddr, "embed-cli-addr", "", "host:port that the embedded etcd serves clients on, without a password (default: a free loopback port)")
	fs.StringVar(&o.EmbedPeerAddr, "embed-peer-addr", "", "host:port that the embedded etcd serves peers on (default: none, it is alone)")

	fs.IntVar(&o.WorkersBacklog, "workers-backlog", 10_000, "how many async deliveries may wait or be under way; more are refused")
	fs.DurationVar(&o.DrainTimeout, "drain-timeout", 20*time.Second, "how long requests and async deliveries may take to end after SIGTERM")
}

// declareLambda is the list of the options that only a Lambda has.
func (o *Options) declareLambda(fs *flag.FlagSet) {
	fs.StringVar(&o.Role, "role", "", "events, config or all")
	fs.StringVar(&o.ConfigIdentity, "config-identity", "", "callers that the Config API takes without a token: iam, jwt or lambda")
	fs.DurationVar(&o.MaxStaleness, "max-staleness", 30*time.Second, "age of the configuration from which on a request waits until the store was asked")
	fs.StringVar(&o.BasePath, "base-path", "", "path of a custom domain that the gateway is mapped to")
}

// declare is the list of the options that every gateway has.
func (o *Options) declare(fs *flag.FlagSet, defaultStore string) {
	fs.StringVar(&o.Store, "store", defaultStore, "where the configuration is: embed: (etcd in this process), etcd://h1:2379,h2:2379/prefix, consul://h:8500/prefix, zookeeper://h:2181/prefix, dynamodb://TABLE?region=R, or memory: (lost at exit)")
	fs.StringVar(&o.ConfigTokenFile, "config-token-file", "", "file with the token that the Config API asks for; or set "+tokenEnv)
	fs.StringVar(&o.LineageKeyFile, "lineage-key-file", "", "file with the key that all gateways of one configuration share to find loops of events; or set "+lineageKeyEnv+" (default: made of the Config API's token)")
	fs.StringVar(&o.SecretKeysFile, "secret-keys-file", "", "file with the keys that seal the secrets of functions in the store, made by event-gateway keys create; or set "+secretKeysEnv+" (default: none; with -dev one in -embed-data-dir)")
	fs.StringVar(&o.SecretKeysKMS, "secret-keys-kms", "", "key in AWS KMS that encrypts these keys: awskms://arn:aws:kms:...")
	fs.StringVar(&o.Queue, "queue", "", "where async events wait until they are delivered: sqs://sqs.us-east-1.amazonaws.com/123456789012/NAME?dead-letter=NAME (default: in memory; a Lambda delivers them before it answers)")
	fs.BoolVar(&o.Compat, "compat", false, "deliver and answer as the first Event Gateway did in 2018")
	fs.StringVar(&o.Invoke, "invoke", "", "which functions an invoke event reaches: subscribed, or open for all (default: subscribed; open with -dev)")

	fs.Func("hosted-domain", "domain below which each space has a host of its own, SPACE.DOMAIN; may be given more than once", each(func(d string) error {
		o.HostedDomains = append(o.HostedDomains, d)
		return nil
	}))
	fs.IntVar(&o.HostedRealms, "hosted-realms", 10_000, "how many spaces of hosted domains are kept in memory")
	fs.Func("egress-allow", "addresses that functions may have although they would be refused: 10.1.0.0/16; may be given more than once", each(addPrefix(&o.EgressAllow)))
	fs.Func("egress-deny", "addresses that functions may not have; may be given more than once", each(addPrefix(&o.EgressDeny)))

	fs.IntVar(&o.FunctionConcurrency, "function-concurrency", 1000, "how many calls of one function may be under way; those who would wait for more are refused with 503")
	fs.StringVar(&o.FunctionCredentials, "function-credentials", "", "whose cloud credentials functions are called with: own (only those that a function has), role (also a role that it names, which the gateway assumes), or gateway (also the gateway's own) (default: gateway; own in hosted mode)")

	fs.StringVar(&o.LogLevel, "log-level", "info", "debug, info, warn or error")
	fs.StringVar(&o.LogFormat, "log-format", "", "text or json (default: json; text with -dev)")
}

// each calls f with the parts of a list: an environment variable can be given only once. An empty list is an error: it is a variable of a
// template that was not set, more likely than not, and would open what it should close.
func each(f func(string) error) func(string) error {
	return func(list string) error {
		parts := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
		if len(parts) == 0 {
			return errors.New("it is empty")
		}
		for _, part := range parts {
			if err := f(part); err != nil {
				return err
			}
		}
		return nil
	}
}

// checkLists says which list is set in the environment, but empty: that is not looked at otherwise.
func checkLists() error {
	for _, name := range []string{"HOSTED_DOMAIN", "EGRESS_ALLOW", "EGRESS_DENY"} {
		if value, set := os.LookupEnv(EnvPrefix + "_" + name); set && strings.TrimSpace(value) == "" {
			return fmt.Errorf("%s_%s is set, but empty", EnvPrefix, name)
		}
	}
	return nil
}

func addPrefix(to *[]netip.Prefix) func(string) error {
	return func(s string) error {
		p, err := netip.ParsePrefix(s)
		if addr, e := netip.ParseAddr(s); e == nil {
			p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return fmt.Errorf("%.60q is no address, such as 10.1.2.3, and no range, such as 10.1.0.0/16", s)
		}
		if p != p.Masked() {
			return fmt.Errorf("%s is one address and a range at once: is it %s or %s?", s, p.Addr(), p.Masked())
		}
		*to = append(*to, p)
		return nil
	}
}

// completeServer fills in what depends on other options, and says what does not fit together.
func (o *Options) completeServer() error {
	if o.Dev {
		orDefault(&o.EventsAddr, "localhost")
		orDefault(&o.LogFormat, "text")
		if !o.Compat {
			orDefault(&o.Invoke, "open")
		}
	}
	for name, port := range map[string]uint{"events": o.EventsPort, "config": o.ConfigPort} {
		if port > 65535 {
			return fmt.Errorf("-%s-port is %d, a port is a number up to 65535", name, port)
		}
	}
	for name, pair := range map[string]KeyPair{"events": o.EventsTLS, "config": o.ConfigTLS} {
		if (pair.Cert == "") != (pair.Key == "") {
			return fmt.Errorf("-%s-tls-cert and -%[1]s-tls-key need each other", name)
		}
	}
	switch {
	case o.WorkersBacklog < 1:
		return errors.New("-workers-backlog must be at least 1")
	case o.DrainTimeout < 0:
		return fmt.Errorf("-drain-timeout is %v, it cannot be negative", o.DrainTimeout)
	}
	if err := o.readToken(); err != nil || o.ConfigToken != "" {
		return err
	}
	switch {
	case len(o.HostedDomains) > 0:
		return fmt.Errorf("the Config API of a hosted gateway needs a token: -config-token-file FILE or %s", tokenEnv)
	case !isLoopback(o.ConfigAddr):
		return fmt.Errorf("the Config API would listen on %q for everybody: give it a token (-config-token-file FILE or %s), or -config-addr localhost", o.ConfigAddr, tokenEnv)
	}
	return nil
}

// completeLambda says what does not fit together.
func (o *Options) completeLambda() error {
	if o.MaxStaleness < store.YoungAge {
		return fmt.Errorf("%s_MAX_STALENESS is %v, it must be at least %v", EnvPrefix, o.MaxStaleness, store.YoungAge)
	}
	switch o.ConfigIdentity {
	case "", handlers.IAM, handlers.JWT, handlers.Lambda:
	default:
		return fmt.Errorf("%s_CONFIG_IDENTITY is %.60q, it can be iam, jwt or lambda", EnvPrefix, o.ConfigIdentity)
	}
	switch o.Role {
	case "events": // the key of lineages may be made of the token
		return o.readToken()
	case "config", "all":
	case "":
		return fmt.Errorf("%s_ROLE is not set: it can be events, config or all", EnvPrefix)
	default:
		return fmt.Errorf("%s_ROLE is %.60q, it can be events, config or all", EnvPrefix, o.Role)
	}
	if err := o.readToken(); err != nil || o.ConfigToken != "" || o.ConfigIdentity != "" {
		return err
	}
	return fmt.Errorf("the Config API of a Lambda needs a token: set %s, or %s_CONFIG_IDENTITY to iam, jwt or lambda", tokenEnv, EnvPrefix)
}

// complete does for all gateways what completeServer does for servers.
func (o *Options) complete() error {
	orDefault(&o.LogFormat, "json")
	orDefault(&o.Invoke, "subscribed")
	switch {
	case o.Store == "":
		return fmt.Errorf("%s is not set: it looks like etcd://host:2379/prefix", o.named("store"))
	case o.Invoke != "subscribed" && o.Invoke != "open":
		return fmt.Errorf("%s is %q, it can be subscribed or open", o.named("invoke"), o.Invoke)
	case o.LogFormat != "text" && o.LogFormat != "json":
		return fmt.Errorf("%s is %q, it can be text or json", o.named("log-format"), o.LogFormat)
	case o.FunctionConcurrency < 1:
		return fmt.Errorf("%s must be at least 1", o.named("function-concurrency"))
	case o.HostedRealms < 1:
		return fmt.Errorf("%s must be at least 1", o.named("hosted-realms"))
	case len(o.HostedDomains) > 0 && invoke.Credentials(o.FunctionCredentials) == invoke.GatewayCredentials:
		return fmt.Errorf("%s cannot be gateway in hosted mode, where functions belong to strangers: it can be own or role", o.named("function-credentials"))
	}
	switch invoke.Credentials(o.FunctionCredentials) {
	case "", invoke.OwnCredentials, invoke.RoleCredentials, invoke.GatewayCredentials:
	default:
		return fmt.Errorf("%s is %.60q, it can be own, role or gateway", o.named("function-credentials"), o.FunctionCredentials)
	}
	_, err := handlers.NewHosts(o.HostedDomains)
	return cmp.Or(err, checkLists(), o.readQueue(), o.readLineageKey(), o.readSecretKeys())
}

// named returns the name of an option as the person who set it knows it: a Lambda has no flags.
func (o *Options) named(option string) string {
	if o.Role == "" {
		return "-" + option
	}
	return EnvPrefix + "_" + strings.ToUpper(strings.ReplaceAll(option, "-", "_"))
}

func (o *Options) readToken() (err error) {
	o.ConfigToken, err = o.readSecret(tokenEnv, "config-token-file", o.ConfigTokenFile)
	return err
}

// readSecret returns a secret: from the file, if one is named, else from the environment.
func (o *Options) readSecret(env, option, file string) (string, error) {
	if file == "" {
		return strings.TrimSpace(os.Getenv(env)), nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", o.named(option), err)
	}
	secret := strings.TrimSpace(string(b))
	if secret == "" {
		return "", fmt.Errorf("%s: %s is empty", o.named(option), file)
	}
	return secret, nil
}

// minLineageKey is so many characters that nobody finds a key by trying.
const minLineageKey = 16

func (o *Options) readLineageKey() (err error) {
	o.LineageKey, err = o.readSecret(lineageKeyEnv, "lineage-key-file", o.LineageKeyFile)
	if err == nil && o.LineageKey != "" && len(o.LineageKey) < minLineageKey {
		err = fmt.Errorf("the key of %s or %s is too short: it must have at least %d characters", o.named("lineage-key-file"), lineageKeyEnv, minLineageKey)
	}
	return err
}

func (o *Options) readSecretKeys() (err error) {
	o.SecretKeys, err = o.readSecret(secretKeysEnv, "secret-keys-file", o.SecretKeysFile)
	switch {
	case err != nil:
		return err
	case o.SecretKeys == "" && o.SecretKeysKMS != "":
		return fmt.Errorf("%s opens keys, and there are none: %s or %s", o.named("secret-keys-kms"), o.named("secret-keys-file"), secretKeysEnv)
	case o.SecretKeys == "" && len(o.HostedDomains) > 0 && !o.Dev && !strings.HasPrefix(o.Store, "memory:"):
		return fmt.Errorf("a hosted gateway needs keys to seal the secrets of functions: %s or %s (event-gateway keys create makes them)", o.named("secret-keys-file"), secretKeysEnv)
	}
	return nil
}

func orDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// isLoopback says whether only this machine reaches an address that is listened on.
func isLoopback(addr string) bool {
	ip, err := netip.ParseAddr(strings.Trim(addr, "[]"))
	return addr == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// listen returns the listeners of an address: localhost has one of each family, where the machine has them.
func listen(addr string, port uint) ([]net.Listener, error) {
	if addr != "localhost" {
		l, err := net.Listen("tcp", net.JoinHostPort(strings.Trim(addr, "[]"), fmt.Sprint(port)))
		return []net.Listener{l}, err
	}
	v4, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	v6, err := net.Listen("tcp6", fmt.Sprintf("[::1]:%d", v4.Addr().(*net.TCPAddr).Port))
	switch {
	case err == nil:
		return []net.Listener{v4, v6}, nil
	case port != 0 && errors.Is(err, syscall.EADDRINUSE): // localhost would be two programs
		_ = v4.Close()
		return nil, err
	}
	return []net.Listener{v4}, nil
}

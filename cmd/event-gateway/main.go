// Command event-gateway runs the gateway as a server, or, as event-gateway store and event-gateway keys, a command that looks
// after its stores, or the keys that seal secrets in them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	stdlog "log"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/event-gateway/event-gateway/app"
	"github.com/event-gateway/event-gateway/app/embed"
)

// version is set by the linker for releases.
var version string

// Exit codes: 1 if the gateway failed or lost events, 2 if it was started wrongly.
func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "store":
			os.Exit(app.StoreCommand(ctx, os.Args[2:], startEmbedded(time.Second), os.Stdout, os.Stderr))
		case "keys":
			os.Exit(app.KeysCommand(ctx, os.Args[2:], startEmbedded(time.Second), os.Stdout, os.Stderr))
		}
	}
	o, err := app.ParseOptions(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		exit(2, err)
	case o.Version:
		fmt.Println("event-gateway", versionName())
		return
	}
	stdlog.SetOutput(app.WithoutAnswers(os.Stderr))
	log, err := app.NewLogger(o, os.Stderr)
	if err != nil {
		exit(2, err)
	}
	a, err := app.New(ctx, o, startEmbedded(0), log)
	if err != nil {
		exit(2, err)
	}
	if err := a.Run(ctx, func() { welcome(a, o) }); err != nil {
		exit(1, err)
	}
}

func exit(code int, err error) {
	fmt.Fprintln(os.Stderr, "event-gateway:", err)
	os.Exit(code)
}

// startEmbedded returns what starts the embedded store. patience is how long another process may go on using its data; 0 is some seconds.
func startEmbedded(patience time.Duration) app.StartEmbedded {
	return func(ctx context.Context, o *app.Options, log *slog.Logger) (string, func(), error) {
		s, err := embed.Start(ctx, embed.Options{
			DataDir: o.EmbedDataDir, ClientAddr: o.EmbedCliAddr, PeerAddr: o.EmbedPeerAddr, Patience: patience, Logger: log,
		})
		switch {
		case errors.Is(err, embed.ErrInUse):
			return "", nil, fmt.Errorf("%w: end it, or start it with -embed-cli-addr HOST:PORT and use etcd://HOST:PORT here", err)
		case err != nil:
			return "", nil, err
		}
		return "etcd://" + s.Endpoint(), s.Close, nil
	}
}

// welcome says where the gateway is and what to type next.
func welcome(a *app.App, o *app.Options) {
	fmt.Printf("Event Gateway %s is ready.\n  Events API  %s\n  Config API  %s\n", versionName(), a.EventsURL(), a.ConfigURL())
	if !o.Dev || o.Invoke != "open" || len(o.HostedDomains) > 0 { // or the commands below would not do
		return
	}
	token := ""
	if o.ConfigToken != "" {
		token = "-H 'Authorization: Bearer TOKEN' "
	}
	fmt.Printf(`
Start a function (go run ./examples/functions in a clone), register and invoke it:
  curl %[2]s/v1/spaces/default/functions %[3]s-H 'Content-Type: application/json' \
    -d '{"functionId":"createUser","type":"http","provider":{"url":"http://localhost:8080/createUser"}}'
  curl %[1]s/ -H 'Event: invoke' -H 'Function-ID: createUser' -H 'Content-Type: application/json' -d '{"name":"Max"}'
`, a.EventsURL(), a.ConfigURL(), token)
}

func versionName() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates"
)

// callTimeout bounds one call by integratord, which waits for us and calls nobody else meanwhile.
const callTimeout = 20 * time.Second

// maxAlertFile is how much of an alert file is read, in bytes. Managers write at most 64 KiB.
const maxAlertFile = alert.DefaultLimit + 1

const callUsage = `usage: %s ALERTFILE [APIKEY] [HOOKURL]
This program is run by integratord (ossec.conf, <integration>). To try it: ossec-notify send --sample 5712
`

// runDoor is a call by integratord: it delivers the alert and returns the exit code, which is 0 whatever
// happened: OSSEC switches an integration off for good after one other. What went wrong is in the log, and in
// one line on stderr that holds no secret.
func runDoor(ctx context.Context, call door.Call, stderr io.Writer) int {
	if call.Usage {
		fmt.Fprintf(stderr, callUsage, "custom-"+call.Name)
		return exitDone
	}
	home := cmp.Or(call.Home, defaultHome())
	log, closer := openLog(home)
	defer closer.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, fmt.Errorf("integratord is not kept waiting for more than %s", callTimeout))
	defer cancel()

	strict, err := deliverCall(ctx, call, home, log)
	if err == nil {
		return exitDone
	}
	log.Error("call failed", "name", call.Name, "err", err)
	fmt.Fprintf(stderr, "ossec-notify: custom-%s: %s\n", call.Name, firstLine(err.Error()))
	if strict {
		return exitFail
	}
	return exitDone
}

// deliverCall delivers the alert of one call. strict is the config's strict_exit.
func deliverCall(ctx context.Context, call door.Call, home string, log *slog.Logger) (strict bool, err error) {
	path := configPath("", home)
	cfg, problems, err := loadConfig(path, home)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		cfg = &config{Path: path, Scale: alert.DefaultScale, Zone: time.Local}
	case err != nil:
		log.Error("config cannot be read", "err", err)
	}
	for _, p := range problems {
		if !p.Warning {
			log.Error("config is broken", "at", p.String())
		}
	}
	broken := cfg == nil
	if broken {
		cfg = &config{Path: path, Scale: alert.DefaultScale, Zone: time.Local}
	}
	a := newCompleter(home, cfg.Zone).complete(readAlert(call.File, cfg.Zone))
	if a.Problem.Kind != "" {
		log.Error("alert is not whole", "alert", a.Identity(), "file", call.File, "problem", a.Problem.Kind, "reads_as", a.Problem.ReadsAs)
	}

	d, err := cfg.dispatcher(buildOptions{log: log})
	for _, err := range split(err) {
		log.Error("config is broken", "err", err)
	}
	deliveries, err := planCall(d, cfg, call, a)
	switch {
	case broken && len(deliveries) == 0:
		return false, errors.Join(fmt.Errorf("the config %s is broken, so alert %s has no receiver", path, shownID(a)), err)
	case err != nil:
		return cfg.StrictExit, err
	case len(cfg.Receivers) == 0 && len(deliveries) == 0:
		return cfg.StrictExit, fmt.Errorf("there is no config %s, so alert %s has no receiver", path, shownID(a))
	}
	var dead []error
	d.DeliverAll(ctx, deliveries, func(o dispatch.Outcome) {
		if o.State != dispatch.Delivered {
			dead = append(dead, fmt.Errorf("receiver %s: %w", o.Delivery.Receiver.Name, o.Err))
		}
	})
	if len(deliveries) == 0 {
		log.Info("alert goes to nobody: no route chose a receiver", "alert", a.Identity(), "name", call.Name)
	}
	return cfg.StrictExit, errors.Join(dead...)
}

// readAlert reads the alert file. One that cannot be read is an alert that says so: somebody has to hear of it.
func readAlert(file string, zone *time.Location) *alert.Alert {
	opt := alert.Options{FileName: filepath.Base(file), Location: zone, Received: time.Now()}
	f, err := os.Open(file)
	if err == nil {
		defer f.Close()
		var raw []byte
		if raw, err = io.ReadAll(io.LimitReader(f, maxAlertFile)); err == nil {
			return alert.Parse(raw, opt)
		}
	}
	a := alert.Parse(nil, opt)
	a.Problem = alert.Problem{Kind: alert.ProblemUnreadable, ReadsAs: err.Error()}
	return a
}

// planCall says who gets the alert of a call named NAME: the receiver of that name; or the receivers of that
// kind of channel that the routes choose; or, for "notify", all that they choose. What ossec.conf gives for
// key and URL serves where the config has no receiver for the name.
func planCall(d *dispatch.Dispatcher, cfg *config, call door.Call, a *alert.Alert) ([]dispatch.Delivery, error) {
	if d.Receivers[call.Name] != nil {
		return d.PlanReceivers(a, call.Name)
	}
	if call.Name == "notify" {
		return d.Plan(a), nil
	}
	kind, ok := channelByName(call.Name)
	if !ok {
		return nil, fmt.Errorf("%q is no receiver of the config and no kind of channel", call.Name)
	}
	if slices.ContainsFunc(cfg.Receivers, func(r *receiver) bool { return r.Channel.name == kind.name }) {
		return d.PlanChannel(a, kind.name), nil
	}
	r, err := argvReceiver(kind, call)
	if err != nil {
		return nil, fmt.Errorf("the config has no receiver of kind %s, and ossec.conf gives none: %w", kind.name, err)
	}
	d.Receivers[r.Name] = r
	return d.PlanReceivers(a, r.Name)
}

// argvReceiver makes a receiver of <api_key> and <hook_url>. Its name holds a hash of both, so that it is the
// same in every call and tells nothing.
func argvReceiver(kind channel, call door.Call) (*dispatch.Receiver, error) {
	cfg, err := kind.argv(call.HookURL, notifier.PlainSecret(call.APIKey))
	if err != nil {
		return nil, err
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n, err := cfg.build(nil)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(call.APIKey + "\n" + call.HookURL))
	name := fmt.Sprintf("argv-%s-%s", kind.name, hex.EncodeToString(sum[:3]))
	return &dispatch.Receiver{Name: name, Channel: kind.name, Notifier: n, Templates: templates.Default()}, nil
}

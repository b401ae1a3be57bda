package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/site"
	"github.com/ossec-notify/ossec-notify/spool"
)

const doctorHelp = `Looks at the whole installation, from integratord to the receivers, and says of each part whether it is well, and if not
what to do. It changes nothing and sends nothing. Run by root it looks at the config, the secrets and the state as the
user who owns the state directory. Exit status: 1 if there is a problem; warnings are none.`

const doctorExample = `  ossec-notify doctor
  ossec-notify doctor --online                   also: can the receivers be reached?
  ossec-notify doctor --format json`

func doctorCommand(e *env) *cobra.Command {
	var forcedManager, forcedUser string
	var online bool
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "what is wrong with this installation, and what to do",
		Long:    doctorHelp,
		Example: doctorExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.doctor(cmd.Context(), forcedManager, forcedUser, online)
		},
	}
	managerFlags(cmd, &forcedManager, &forcedUser)
	cmd.Flags().BoolVar(&online, "online", false, "also connect to every receiver, and ask the name server; nothing is sent")
	e.formatFlag(cmd)
	return cmd
}

// The levels of a diagnosis.
const (
	levelOK      = "ok"
	levelWarning = "warning"
	levelProblem = "problem"
)

// diagnosis is one line of doctor, in JSON too.
type diagnosis struct {
	Check   string `json:"check"`
	Level   string `json:"level"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"` // "" where there is nothing to do
}

func (d diagnosis) String() string {
	s := fmt.Sprintf("%-7s  %-11s  %s", d.Level, d.Check, d.Message)
	if d.Remedy == "" {
		return s
	}
	if !strings.HasSuffix(s, "?") {
		s += "."
	}
	return s + " To do: " + d.Remedy
}

// Thresholds of what is worth a word.
const (
	lateOutbox   = 5 * time.Second  // a deliverer makes it when it begins
	lateRecord   = time.Minute      // a record is taken within seconds
	lateReload   = time.Minute      // a deliverer sees a changed config within seconds
	lateDelivery = 10 * time.Minute // of one that nothing has failed for
	littleSpace  = 256 << 20        // bytes
	noSpace      = 16 << 20
)

// examination is one run of doctor.
type examination struct {
	*env
	state       string
	manager     manager
	managed     bool    // there is a manager
	who         account // zero when it is not known
	known       bool
	named       []string // the names that ossec.conf calls
	linked      []string // the names in integrations that are this program
	blocks      []integrationBlock
	confined    *confined // the serve that runs; nil where there is none, or confinedErr keeps us from looking
	confinedErr error
	delivering  bool           // somebody holds the lock
	serving     bool           // it is a daemon
	cfg         *config.Config // nil when there is none that loads
	file        *config.Config // the same, before it was told of
	since       time.Time      // of the deliverer
	idle        bool           // nobody holds the lock, and who held it last has let go of it
	killed      string         // what became of the last deliverer, when it was killed
	due         []string       // receivers for which something waits that is not held for its time
	waits       int            // records and deliveries
	open        []outbox.Queue // those that something waits in
	kept        *site.Kept     // what the outbox keeps of the config; nil for nothing
	worst       string
}

func (x *examination) say(check, level, remedy, format string, args ...any) {
	d := diagnosis{check, level, strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; "), remedy}
	if level == levelProblem {
		x.worst = levelProblem
	}
	if x.format == "json" {
		_ = jsonLine(x.stdout, d)
		return
	}
	fmt.Fprintln(x.stdout, displayed(d.String()))
}

func (x *examination) ok(check, format string, args ...any) {
	x.say(check, levelOK, "", format, args...)
}

func (x *examination) warning(check, remedy, format string, args ...any) {
	x.say(check, levelWarning, remedy, format, args...)
}

func (x *examination) problem(check, remedy, format string, args ...any) {
	x.say(check, levelProblem, remedy, format, args...)
}

func (e *env) doctor(ctx context.Context, forcedManager, forcedUser string, online bool) error {
	if forcedManager != "" && forcedManager != "ossec" && forcedManager != "wazuh" {
		return fmt.Errorf("--manager is ossec or wazuh, not %q", forcedManager)
	}
	home, err := filepath.Abs(e.home)
	if err != nil {
		return err
	}
	e.home = home
	x := &examination{env: e}
	x.findInstallation(forcedManager, forcedUser)
	x.ossecConf()
	x.links()
	x.dispatch()
	x.stateDirectory()
	x.lock()
	x.confined, x.confinedErr = x.served() // as root, if we are
	if x.state != "" {
		if err := spool.BecomeOwner(x.state); err != nil {
			x.problem("state", "", "%s", err)
		}
		x.spool()
		x.outbox(ctx)
		x.lastDeliverer()
	} else {
		x.loss(ctx, nil)
	}
	x.config()
	x.enrich(ctx, online)
	x.windows()
	x.calls()
	x.names()
	x.unknown()
	x.argv()
	x.confined.lends(x.cfg)
	x.receivers(ctx, online)
	x.unit()
	x.log()
	x.follow()
	x.daemon()
	x.ready(ctx)
	if x.worst == levelProblem {
		return silent(exitFail)
	}
	return nil
}

// findInstallation looks for the manager, whom it runs us as, and where our program lies.
func (x *examination) findInstallation(forcedManager, forcedUser string) {
	m, err := findManager(x.home, forcedManager)
	if err != nil {
		x.problem("manager", "name the manager's directory with --home", "%s", err)
	}
	x.manager, x.managed = m, err == nil
	if x.managed {
		x.ok("manager", "%s in %s", m, x.home)
	}
	if x.who, err = findAccount(m, forcedUser); err != nil {
		x.warning("user", "name it with --user", "%s", err)
		return
	}
	x.known = true
	x.ok("user", "integratord runs as %s:%s", x.who.name, x.who.group)
}

func (x *examination) dispatch() {
	if door.ExecPath() == "" {
		x.warning("dispatch", "use OSSEC, or Wazuh before 4.2", "this system does not tell by which name a program was run: with Wazuh from 4.2 no call is recognised")
		return
	}
	x.ok("dispatch", "the system tells by which name a program was run")
}

func (x *examination) stateDirectory() {
	const install = "run ossec-notify install as root"
	places := x.statePlaces()
	var st fs.FileInfo
	for i, place := range places {
		var err error
		if st, err = os.Stat(place); err == nil && st.IsDir() {
			x.state = place
			if i > 0 {
				x.warning("state", install, "%s is in use, because there is no %s", place, places[0])
			}
			break
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			x.problem("state", "run doctor as root", "%s", err)
			return
		}
	}
	if x.state == "" {
		x.problem("state", install, "there is no %s: integratord's user cannot make it, and alerts go out without a safety net", places[0])
		return
	}
	sound := true
	if uid, _ := ownerOf(st); x.known && uid != x.who.uid {
		sound = false
		x.problem("state", install, "%s belongs to %s, not to %s", x.state, ownerName(st), x.who.name)
	}
	if err := doubtOf(x.state); err != nil {
		sound = false
		x.problem("state", "see that only its owner and root can put something there, then look what is in it", "%s: it is not used", err)
	} else if mode := st.Mode().Perm(); mode != stateMode {
		sound = false
		x.warning("state", fmt.Sprintf("chmod %04o %s", stateMode, x.state), "%s has mode %#o: alerts are nobody else's business", x.state, mode)
	}
	disk, unfit, err := stateFS(x.state)
	if err != nil {
		x.warning("state", "", "%s", err)
		return
	}
	if unfit != "" {
		sound = false
		x.problem("state", localRemedy, "%s %s", x.state, unfit)
	}
	free := int64(disk.Bavail) * int64(disk.Bsize)
	x.space(free)
	if sound {
		x.ok("state", "%s belongs to %s", x.state, ownerName(st))
	}
}

func (x *examination) space(free int64) {
	switch mib := free >> 20; {
	case free < noSpace:
		x.problem("disk", "make room", "%d MiB are free in %s: alerts cannot be kept", mib, x.state)
	case free < littleSpace:
		x.warning("disk", "make room", "%d MiB are free in %s", mib, x.state)
	default:
		x.ok("disk", "%d MiB are free", mib)
	}
}

// lock says who delivers. It reads and does not try the lock: who took it, even for a moment, would be the deliverer.
func (x *examination) lock() {
	if x.state == "" {
		return
	}
	h, err := spool.ReadHolder(x.state)
	switch {
	case errors.Is(err, fs.ErrPermission):
		x.problem("deliverer", "run doctor as root", "%s", err)
	case err != nil:
		x.idle = true
	case !alive(h.PID):
		x.killed = fmt.Sprintf("the last one (%s, process %d) was killed", h.Kind, h.PID) // how bad it is depends on what waits
	default:
		x.delivering, x.serving, x.since = true, h.Kind == "serve", h.Started
		if h.Version != "" && h.Version != versionText() {
			x.warning("deliverer", "restart it", "%s, process %d, is of version %s; this is %s", h.Kind, h.PID, h.Version, versionText())
			return
		}
		x.ok("deliverer", "%s, process %d, since %s", h.Kind, h.PID, h.Started.Local().Format(time.DateTime))
	}
}

// lastDeliverer says what waits while nobody delivers.
func (x *examination) lastDeliverer() {
	switch {
	case x.idle && len(x.due) > 0:
		x.warning("deliverer", fmt.Sprintf("ossec-notify outbox retry --receiver %s starts one; ossec-notify serve runs for good (systemctl enable --now ossec-notify)", x.due[0]),
			"nobody delivers now, and what is to go to %s waits for the next call", display.List(x.due))
	case x.idle && len(x.open) > 0:
		x.warning("deliverer", "ossec-notify serve delivers it in time (systemctl enable --now ossec-notify)", "nobody delivers now, and what is held for its time waits for the next call")
	case x.idle:
		x.ok("deliverer", "nobody delivers now; the next call starts one")
	case x.killed == "":
	case x.waits > 0:
		x.warning("deliverer", "ossec-notify serve delivers it now (systemctl enable --now ossec-notify); without it, it waits for the next alert", "%s, and nobody delivers what waits (%d)", x.killed, x.waits)
	default:
		x.ok("deliverer", "%s; the next call starts one", x.killed)
	}
}

// alive reports whether there is a process of this number. One that has ended, of which nobody has taken note yet, delivers nothing.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil { // another system, or one that hides the processes of others
		return true
	}
	_, state, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" ")) // the name before it may hold anything
	return !bytes.HasPrefix(state, []byte("Z"))
}

func (x *examination) spool() {
	names, err := spool.List(x.state)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		x.problem("spool", "run doctor as root, or ossec-notify install to mend the owners", "%s", err)
		return
	}
	x.waits += len(names)
	now := time.Now()
	if spool.IsFull(x.state) {
		x.problem("spool", "see what does not get through: ossec-notify outbox list", "is full: calls deliver at once and give up early")
	}
	if spool.FailedLately(x.state, now) {
		x.problem("spool", "see the log", "a deliverer failed to start within the last %s", spool.StartPause)
	}
	if bad, err := os.ReadDir(filepath.Join(x.state, "spool", "bad")); err == nil && len(bad) > 0 {
		x.warning("spool", "look at them, then remove them", "%s could not be read, in %s", display.Count(len(bad), "record"), filepath.Join(x.state, "spool", "bad"))
	}
	age := oldest(filepath.Join(x.state, "spool", "new"), names, now)
	switch {
	case len(names) > 0 && age > lateRecord:
		x.warning("spool", "see the log; ossec-notify serve takes them", "%s, the oldest for %s: nobody takes them", waiting(len(names)), display.Span(age))
	case len(names) > 0:
		x.ok("spool", "%s, the oldest for %s", waiting(len(names)), display.Span(age))
	default:
		x.ok("spool", "empty")
	}
}

// waiting is a number of records as the subject of a sentence.
func waiting(n int) string {
	if n == 1 {
		return "1 record waits"
	}
	return fmt.Sprintf("%d records wait", n)
}

// oldest is how long ago the oldest of the files was made; names that are gone do not count.
func oldest(dir string, names []string, now time.Time) time.Duration {
	var age time.Duration
	for _, name := range names {
		if st, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			age = max(age, now.Sub(st.ModTime()))
		}
	}
	return age
}

func (x *examination) outbox(ctx context.Context) {
	db, _, err := outbox.Open(ctx, outbox.Path(x.state), outbox.Options{})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		x.loss(ctx, nil)
		switch {
		case x.delivering && time.Since(x.since) > lateOutbox:
			x.warning("outbox", "run doctor again in a minute; the log names what was lost", "there is none, while somebody delivers since %s: it was removed. The deliverer notices, and begins anew", x.since.Local().Format(time.DateTime))
		case x.delivering:
			x.ok("outbox", "there is none yet: the deliverer has only begun")
		default:
			x.ok("outbox", "there is none: no alert has been delivered yet")
		}
		return
	case errors.Is(err, outbox.ErrOlder):
		x.ok("outbox", "%s", err)
		return
	case errors.Is(err, outbox.ErrNewer):
		x.problem("outbox", "install the newer program again", "%s", err)
		return
	case errors.Is(err, outbox.ErrCorrupt):
		x.problem("outbox", "nothing: the next deliverer sets it aside and saves what it can", "%s", err)
		return
	case err != nil:
		x.problem("outbox", "run doctor as root", "%s", err)
		return
	}
	defer db.Close()
	if x.kept, err = site.ReadKept(ctx, db, x.configPath()); err != nil {
		x.problem("outbox", "", "%s", err)
	}
	x.loss(ctx, db)
	queues, err := db.Queues(ctx)
	if err == nil {
		var fares map[string]outbox.Receiver
		if fares, err = db.Receivers(ctx); err == nil {
			x.file = x.loaded()
			x.queues(queues, fares, lastDead(ctx, db, queues))
			if !x.replaced(queues, fares, fellBack(ctx, db, queues)) {
				x.nothingWaits(queues)
			}
			err = x.noise(ctx, db)
		}
	}
	if err != nil {
		x.problem("outbox", "", "%s", err)
	}
}

// lastDead is the last dead letter of each receiver that has any.
func lastDead(ctx context.Context, db *outbox.DB, queues []outbox.Queue) map[string]outbox.Delivery {
	out := map[string]outbox.Delivery{}
	for _, q := range queues {
		if q.Counts[outbox.Dead] == 0 {
			continue
		}
		if found, err := db.Find(ctx, outbox.Filter{Receiver: q.Receiver, States: []outbox.State{outbox.Dead}, Limit: 1}); err == nil && len(found) > 0 {
			out[q.Receiver] = found[0]
		}
	}
	return out
}

func (x *examination) queues(queues []outbox.Queue, fares map[string]outbox.Receiver, dead map[string]outbox.Delivery) {
	for _, q := range queues {
		x.waits += q.Open()
		if q.Counts[outbox.Pending] > 0 {
			x.due = append(x.due, q.Receiver)
		}
		if q.Open() > 0 {
			x.open = append(x.open, q)
		}
		waits := q.Counts[outbox.Pending] + q.Counts[outbox.Delivering]
		var age time.Duration
		if !q.Oldest.IsZero() {
			age = time.Since(q.Oldest)
		}
		r := fares[q.Receiver]
		said := display.Quote(r.LastError).Line().CutEnd(160).String()
		switch {
		case r.Failures > 0 && waits > 0:
			x.warning("outbox", "ossec-notify outbox list --receiver "+q.Receiver, "receiver %s: %d wait, the oldest for %s; %s, the last said: %s", q.Receiver, waits, display.Span(age), display.Count(r.Failures, "failure"), said)
		case waits > 0 && age > lateDelivery:
			x.warning("outbox", "ossec-notify outbox list --receiver "+q.Receiver, "receiver %s: %d wait, the oldest for %s", q.Receiver, waits, display.Span(age))
		case waits > 0:
			x.ok("outbox", "receiver %s: %d wait, the oldest for %s", q.Receiver, waits, display.Span(age))
		}
		if n := q.Counts[outbox.Dead]; n > 0 {
			remedy, gone := fmt.Sprintf("ossec-notify outbox list --states dead --receiver %[1]s; mend the cause, then ossec-notify outbox retry --dead --receiver %[1]s (or drop in place of retry)", q.Receiver), ""
			if !hasReceiver(x.file, q.Receiver) {
				remedy, gone = "put it back and retry them, or: ossec-notify outbox drop --dead --receiver "+q.Receiver, ", which the config does not have"
			}
			why := ""
			if last, ok := dead[q.Receiver]; ok {
				why = fmt.Sprintf(", the last at %s: %s", last.Changed.Local().Format(time.DateTime), display.Quote(last.Reason).Line().CutEnd(240))
			}
			x.warning("outbox", remedy, "receiver %s%s: %s%s", q.Receiver, gone, display.Count(n, "dead letter"), why)
		}
	}
}

// fellBack are the deliveries of the last day that went to the fallbacks of their receivers, by receiver, the last first.
func fellBack(ctx context.Context, db *outbox.DB, queues []outbox.Queue) map[string][]outbox.Delivery {
	const most = 1000 // that are looked at
	out := map[string][]outbox.Delivery{}
	for _, q := range queues {
		if q.Counts[outbox.Suppressed] == 0 {
			continue
		}
		found, _ := db.Find(ctx, outbox.Filter{Receiver: q.Receiver, States: []outbox.State{outbox.Suppressed}, Since: time.Now().Add(-24 * time.Hour), Limit: most})
		for _, d := range found {
			if _, _, ok := dispatch.FellBack(d.Reason); ok {
				out[q.Receiver] = append(out[q.Receiver], d)
			}
		}
	}
	return out
}

// replaced tells of receivers that fail, or refused messages, where fallbacks leave no other trace of that: nothing waits, and nothing is dead.
// It reports whether there are any.
func (x *examination) replaced(queues []outbox.Queue, fares map[string]outbox.Receiver, fell map[string][]outbox.Delivery) (some bool) {
	for _, q := range queues {
		r := fares[q.Receiver]
		if x.file != nil && !hasReceiver(x.file, q.Receiver) {
			continue
		}
		all := fell[q.Receiver]
		went, last := "", ""
		if n := len(all); n > 0 {
			to, why, _ := dispatch.FellBack(all[0].Reason)
			what := "1 delivery"
			if n > 1 {
				what = display.Thousands(n) + " deliveries"
			}
			went = fmt.Sprintf("%s of the last day went to its fallback %s", what, to)
			last = fmt.Sprintf(", the last at %s: %s", all[0].Changed.Local().Format(time.DateTime), display.Quote(why).Line().CutEnd(240))
		}
		remedy := fmt.Sprintf("mend the cause; ossec-notify outbox list --states suppressed --receiver %s shows them", q.Receiver)
		waits := q.Counts[outbox.Pending] + q.Counts[outbox.Delivering]
		some = some || r.Failures > 0 || went != ""
		switch said := display.Quote(r.LastError).Line().CutEnd(160); {
		case r.Failures > 0 && waits == 0 && went != "":
			x.warning("outbox", remedy, "receiver %s has failed since %s, the last said: %s; %s", q.Receiver, r.Since.Local().Format(time.DateTime), said, went)
		case went != "":
			x.warning("outbox", remedy, "receiver %s: %s%s", q.Receiver, went, last)
		case r.Failures > 0 && waits == 0 && q.Counts[outbox.Dead] == 0: // else that is told
			x.warning("outbox", "mend the cause; ossec-notify outbox list --all --receiver "+q.Receiver+" shows what became of its alerts",
				"receiver %s has failed since %s, the last said: %s", q.Receiver, r.Since.Local().Format(time.DateTime), said)
		}
	}
	return some
}

// nothingWaits says that the outbox asks for nothing, where it does not.
func (x *examination) nothingWaits(queues []outbox.Queue) {
	held := 0
	for _, q := range queues {
		if q.Counts[outbox.Pending]+q.Counts[outbox.Delivering]+q.Counts[outbox.Dead] > 0 {
			return
		}
		held += q.Counts[outbox.Held]
	}
	if held > 0 {
		x.ok("outbox", "nothing waits but what is held for its time (%d), and nothing was given up", held)
		return
	}
	x.ok("outbox", "nothing waits, and nothing was given up")
}

// unknown tells of what waits for a receiver that the config does not have: see [site.Gone].
func (x *examination) unknown() {
	cfg := x.inUse()
	if cfg == nil {
		return
	}
	for _, q := range x.open {
		if hasReceiver(cfg, q.Receiver) {
			continue
		}
		what := "1 delivery waits"
		if n := q.Open(); n > 1 {
			what = fmt.Sprintf("%d deliveries wait", n)
		}
		remedy := fmt.Sprintf("put it back into %s; else they are given up, and then: ossec-notify outbox drop --dead --receiver %s", cfg.Path, q.Receiver)
		x.warning("outbox", remedy, "%s for %s, which the config does not have, and will be given up", what, q.Receiver)
	}
}

// argv looks at the files of receivers of ossec.conf: what waits for one that cannot be used waits for its next call.
func (x *examination) argv() {
	if x.state == "" {
		return
	}
	dir := filepath.Join(x.state, "receivers")
	entries, _ := os.ReadDir(dir) // there is none until a call needs it
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue
		}
		if _, err := site.ReadArgv(dir, name, nil); err != nil && !errors.Is(err, fs.ErrNotExist) {
			say, waits := x.warning, "nothing waits for it"
			for _, q := range x.open {
				if q.Receiver == name {
					say, waits = x.problem, fmt.Sprintf("%d wait for it", q.Open())
				}
			}
			say("receivers", "let it be: the next alert of its <integration> writes the file again; if there is no such <integration> any more, remove the file, and what waits is given up", "receiver %s of ossec.conf: %s; %s", name, err, waits)
		}
	}
}

// configPath is where a deliverer looks for the config.
func (x *examination) configPath() string { return absolute(configPath(x.env.config, x.home)) }

func (x *examination) config() {
	path := x.configPath()
	r := config.Read(path, x.home)
	cfg, err := r.Config, r.Err
	instead := x.instead(path, r)
	switch {
	case errors.Is(err, fs.ErrNotExist) && instead == "":
		x.warning("config", "ossec-notify install writes one to begin with", "there is no %s: only what ossec.conf describes by key and URL is served", path)
		return
	case errors.Is(err, fs.ErrNotExist):
		x.problem("config", "put it back; or, to have no receivers, write into it: receivers: {}", "there is no %s any more%s", path, instead)
		return
	case err != nil:
		x.problem("config", fmt.Sprintf("let %s read it", cmp.Or(x.who.name, "the integration user")), "%s%s", err, instead)
		return
	}
	mistakes, warnings, first := 0, 0, ""
	for _, p := range r.Problems {
		if p.Warning {
			warnings++
			continue
		}
		mistakes++
		first = cmp.Or(first, p.String())
	}
	switch {
	case cfg == nil:
		x.problem("config", "run ossec-notify check", "%s has %s, the first: %s%s", path, display.Count(mistakes, "mistake"), first, instead)
		return
	case instead != "":
		x.warning("config", "restart the deliverer if it stays so; the log says why", "%s loads%s", path, instead)
	case mistakes > 0:
		x.warning("config", "run ossec-notify check", "%s has %s, the first: %s; the rest of it is used", path, display.Count(mistakes, "mistake"), first)
	case warnings > 0:
		x.warning("config", "run ossec-notify check", "%s has %s", path, display.Count(warnings, "warning"))
	case len(cfg.Receivers) == 0:
		x.warning("config", "name receivers in it, then run ossec-notify check", "%s has no receivers: only what ossec.conf describes by key and URL is served", path)
	default:
		x.ok("config", "%s: %s, %s", path, display.Count(len(cfg.All()), "receiver"), display.Count(len(cfg.Table.Routes), "route"))
	}
	x.cfg = cfg
}

// instead says which config a deliverer goes by that is not what the file says now; "" where it goes by the file. One
// that is about to start reads a file that loads, and one that runs does so within seconds.
func (x *examination) instead(path string, r config.Reading) string {
	if x.kept == nil || x.kept.Equal(r.Texts) {
		return ""
	}
	when := x.kept.Loaded.Local().Format(time.DateTime)
	switch fresh := time.Since(site.Newest(r.Sources)) < lateReload; {
	case r.Config != nil && x.delivering && !fresh:
		return fmt.Sprintf("; the deliverer still goes by the config that loaded at %s", when)
	case r.Config == nil && x.kept.Config(path, x.home) != nil:
		return fmt.Sprintf("; deliverers go by the config that loaded at %s", when)
	}
	return ""
}

// inUse is the config that a deliverer goes by: the file's, or the one that loaded last. nil is none, or one that is
// not known.
func (x *examination) inUse() *config.Config {
	if x.cfg == nil && x.kept != nil {
		return x.kept.Config(x.configPath(), x.home)
	}
	return x.cfg
}

// receivers looks at secrets and, if asked to, whether the receivers can be reached.
func (x *examination) receivers(ctx context.Context, online bool) {
	if x.cfg == nil || len(x.cfg.Receivers) == 0 {
		return
	}
	tell := func(check, remedy, well string, found []finding) {
		wrong := false
		for _, f := range found {
			switch {
			case f.note:
				x.ok(check, "%s", f.Message)
				continue
			case f.Warning:
				x.warning(check, "", "%s", f.Message)
			default:
				x.problem(check, cmp.Or(f.remedy, remedy), "%s", f.Message)
			}
			wrong = true
		}
		if !wrong {
			x.ok(check, "%s", well)
		}
	}
	reader := "this user"
	if x.known {
		reader = x.who.name
	}
	tell("secrets", fmt.Sprintf("let %s read it: chown root:%s, chmod 0640", reader, cmp.Or(x.who.group, "GROUP")), "all can be read", checkSecrets(ctx, x.cfg))
	if slices.ContainsFunc(x.cfg.Receivers, func(r *config.Receiver) bool { return r.Config.Preset() != "" }) {
		tell("presets", "put the right value there; the preset's page in docs/presets lists what the vendor takes", "their settings look like what the vendors take", checkForms(ctx, x.cfg))
	}
	if slices.ContainsFunc(x.cfg.Receivers, func(r *config.Receiver) bool { return r.Config.Program() != nil }) {
		d, _ := x.cfg.Dispatcher(config.Options{Log: discard})
		tell("programs", "see docs/runbooks.md", "all can be run", checkPrograms(x.cfg, d, x.confined))
	}
	if len(x.cfg.Aliases) > 0 {
		cache, done := x.rememberedOnCall(ctx, x.cfg)
		defer done()
		stale := staleSchedules(x.cfg, cache)
		for _, f := range stale {
			x.warning("oncall", "ossec-notify check --online asks now and says what is wrong", "%s", f.Message)
		}
		if len(stale) == 0 {
			x.ok("oncall", "PagerDuty says who is on call, as far as it was asked")
		}
	}
	if online {
		// Receivers that cannot be built are mistakes of the config, which check tells with their lines.
		d, _ := x.cfg.Dispatcher(config.Options{Log: discard})
		asked := checkOnline(ctx, x.cfg, d)
		if asked.not > 0 && len(asked.findings) == 0 {
			x.warning("reach", "mend what ossec-notify check says of the others", "%s", asked)
		} else {
			tell("reach", "see docs/channels.md; ossec-notify send --sample 5712 --to RECEIVER tries it in earnest", "every receiver answers", asked.findings)
		}
	}
}

// log says where the log goes, as the user that this process is now.
func (x *examination) log() {
	dir := filepath.Join(x.home, "logs")
	path := filepath.Join(dir, "ossec-notify.log")
	target := path
	switch st, err := os.Lstat(path); {
	case err != nil:
		target = dir
	case !st.Mode().IsRegular():
		x.warning("log", "move it away", "%s is no regular file, and is not written to: the log goes to syslog", path)
		return
	}
	if err := syscall.Access(target, uint32(mayWrite)); err == nil {
		x.ok("log", "%s", path)
		return
	}
	if _, err := os.Stat("/dev/log"); err != nil {
		x.warning("log", "let "+cmp.Or(x.who.name, "the integration user")+" write to it, or run a syslog daemon", "%s cannot be written, and there is no syslog: nothing is logged", path)
		return
	}
	x.ok("log", "syslog (daemon, ossec-notify), as %s cannot be written", path)
}

// follow looks for the files to follow.
func (x *examination) follow() {
	if x.cfg == nil {
		return
	}
	for _, path := range noFiles(x.cfg, x.home) {
		x.problem("follow", "name the manager's alerts.json or alerts.log", "%s is no regular file, and is not read", path)
	}
	for _, path := range notThere(x.cfg, x.home) {
		x.warning("follow", followRemedy, "there is no %s, so nothing is read from it yet", path)
	}
}

// daemon says who should not do without serve.
func (x *examination) daemon() {
	const start = "systemctl enable --now ossec-notify (ossec-notify install writes the unit)"
	if x.cfg == nil {
		return
	}
	if x.serving {
		x.ok("daemon", "ossec-notify serve runs")
		return
	}
	if len(x.cfg.Follow) > 0 {
		x.problem("daemon", start, "the config follows files, and no ossec-notify serve runs to read them")
		return
	}
	for _, r := range x.cfg.Receivers {
		if r.Channel.Name == "pagerduty" {
			x.warning("daemon", start, "receiver %s pages, and no ossec-notify serve runs: what waits after a reboot waits for the next alert", r.Name)
			return
		}
	}
	x.ok("daemon", "ossec-notify serve does not run; calls start a deliverer when there is work")
}

// readyTimeout is how long the daemon may take to say how it is.
const readyTimeout = 2 * time.Second

// ready asks the daemon that runs how it is, where the config has it answer.
func (x *examination) ready(ctx context.Context) {
	cfg := x.inUse()
	if !x.serving || cfg == nil || cfg.HTTP.Listen == "" {
		return
	}
	const taken = "see its log, and who has the address: ss -ltnp; then free it or change http in the config. Until then serve would not start again"
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, fmt.Errorf("no answer within %s", readyTimeout))
	defer cancel()
	status, text, err := askReady(ctx, cfg.HTTP)
	said := display.Quote(strings.TrimSpace(text)).Line().CutEnd(300).String()
	switch {
	case err != nil:
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		if errors.Is(err, syscall.ECONNREFUSED) { // who had the address would have taken the connection
			x.problem("ready", "see its log; then change http in the config. Until then serve would not start again", "serve runs, and nobody listens on http %s%s", cfg.HTTP.Listen, lowPort(cfg.HTTP.Listen, firstFreePort()))
			return
		}
		x.problem("ready", taken, "serve runs, and does not answer on http %s: %s; is the address in use by another program?", cfg.HTTP.Listen, err)
	case status == http.StatusServiceUnavailable:
		x.problem("ready", "mend what it says; http://"+cfg.HTTP.Listen+"/readyz tells when it is well", "serve says that it is not ready: %s", said)
	case status != http.StatusOK || text != "ready\n" && !strings.HasPrefix(text, "ready\nnote: "):
		x.problem("ready", taken, "serve runs, and something else answers on http %s (status %d); is the address in use by another program?", cfg.HTTP.Listen, status)
	default:
		x.ok("ready", "serve answers on http %s, and is ready", cfg.HTTP.Listen)
	}
}

// firstFreePort is the first port that anybody may listen on.
func firstFreePort() int {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			return n
		}
	}
	return 1024
}

// lowPort says that a port needs a right that serve does not have as it is installed; "" of one from first on.
func lowPort(address string, first int) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	if n, err := strconv.Atoi(port); err != nil || n >= first {
		return ""
	}
	return fmt.Sprintf(": below port %d it needs a right that serve's user lacks", first)
}

// askReady asks where the config has it answer, by no proxy.
func askReady(ctx context.Context, at config.HTTP) (status int, text string, err error) {
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at.Listen+"/readyz", nil)
	if err != nil {
		return 0, "", err
	}
	if token, err := at.Token.Read(ctx); err == nil && token != "" { // without it there is no reason in the answer
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		if of := (*url.Error)(nil); errors.As(err, &of) {
			err = of.Err
		}
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	return resp.StatusCode, string(b), err
}

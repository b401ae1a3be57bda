package report

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"charm.land/lipgloss/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/backtest"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

var update = flag.Bool("update", false, "write the golden files anew; read the difference before it is kept")

var styles = regexp.MustCompile(`\x1b\[[0-9;]*m`)

func plainText(t testing.TB, r *backtest.Report, width int) string {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, r, width); err != nil {
		t.Fatal(err)
	}
	return styles.ReplaceAllString(b.String(), "")
}

func page(t testing.TB, r *backtest.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func rows(t testing.TB, r *backtest.Report) []map[string]string {
	t.Helper()
	var b bytes.Buffer
	if err := CSV(&b, r); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(b.String(), "\n"); lines != strings.Count(b.String(), "\r\n") {
		t.Errorf("not every line ends as RFC 4180 says")
	}
	all, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, c := range cells {
			row[all[0][i]] = c
		}
		out = append(out, row)
	}
	return out
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got; go test -run TestGolden -update writes it anew):\n%s", name, diff)
	}
}

func TestGolden(t *testing.T) {
	for name, r := range reports() {
		golden(t, name+".txt", plainText(t, r, 80))
	}
	golden(t, "week.html", page(t, makeReport(made{days: 9, receivers: 3, against: true, changes: 12})))
	short := makeReport(made{days: 1, receivers: 1, against: true, hostile: true, changes: 2})
	short.Damaged = short.Damaged[:1]
	var b bytes.Buffer
	if err := JSON(&b, short); err != nil {
		t.Fatal(err)
	}
	golden(t, "short.json", b.String())
	b.Reset()
	if err := CSV(&b, short); err != nil {
		t.Fatal(err)
	}
	golden(t, "short.csv", strings.ReplaceAll(b.String(), "\r\n", "\n"))
}

// TestSumsAgree adds up what the forms say, and compares it with the report's own sums.
func TestSumsAgree(t *testing.T) {
	for _, name := range []string{"month", "against", "hostile", "year", "day"} {
		r := reports()[name]
		configs := map[string]*backtest.Outcome{"now": r.Now}
		if r.Then != nil {
			configs["then"] = r.Then
		}
		sums := map[string]int{}
		for _, row := range rows(t, r) {
			for _, c := range []string{"alerts", "messages", "pages", "night", "updates"} {
				if n, err := strconv.Atoi(row[c]); err == nil {
					sums[row["config"]+" "+row["kind"]+" "+c] += n
					if row["kind"] == "receiver" && row["why"] != "always" {
						sums[row["config"]+" told "+c] += n
					}
				} else if row[c] != "" {
					t.Errorf("%s: %s of a row is %q", name, c, row[c])
				}
			}
		}
		for config, o := range configs {
			for what, want := range map[string]int{
				"total messages": o.Messages, "told messages": o.Messages, "heat messages": o.Messages, "total pages": o.Pages, "receiver pages": o.Pages, "total night": o.NightPages,
				"rule messages": o.Messages, "agent messages": o.Messages, "source pages": o.Pages, "nobody alerts": o.Nobody,
				"day messages": sums[config+" receiver messages"], "hour messages": sums[config+" receiver messages"],
			} {
				if got := sums[config+" "+what]; got != want {
					t.Errorf("%s: %s %s adds up to %d, want %d", name, config, what, got, want)
				}
			}
		}
		_, after := outcomes(r)
		tables := tablesOf(t, page(t, r))
		if got := sumCells(tables["Messages by weekday and hour"]); got != after.Messages {
			t.Errorf("%s: the table of the heat map adds up to %d, want %d", name, got, after.Messages)
		}
		unit, _ := periods(r)
		perPeriod, perReceiver := sumCells(tables["Messages by receiver and "+unit]), 0
		for _, x := range sortedReceivers(r)[:min(len(r.Receivers), shownCharts(r))] {
			o := x.Now
			if r.Then != nil {
				o = x.Then
			}
			perReceiver += o.Messages
		}
		if perPeriod != perReceiver || perPeriod == 0 {
			t.Errorf("%s: the table of the bars adds up to %d, want %d", name, perPeriod, perReceiver)
		}
		// The marks of the bars and of the heat map say the same once more.
		marks := regexp.MustCompile(`<title>[A-Z][a-z]{2} \d\d:00: ([0-9,]+)`).FindAllStringSubmatch(page(t, r), -1)
		sum := 0
		for _, m := range marks {
			sum += number(m[1])
		}
		if len(marks) != 2*7*24 || sum != 2*after.Messages {
			t.Errorf("%s: the %d cells of both heat maps add up to %d, want twice %d", name, len(marks), sum, after.Messages)
		}
	}
}

func shownCharts(r *backtest.Report) int {
	_, ps := periods(r)
	return min(maxCharts, maxMarks/len(ps))
}

// number is the number that a cell ends with: that after the change.
func number(cell string) int {
	if i := strings.LastIndexByte(cell, ' '); i >= 0 {
		cell = cell[i+1:]
	}
	n, _ := strconv.Atoi(strings.ReplaceAll(cell, ",", ""))
	return n
}

func sumCells(cells []string) int {
	n := 0
	for _, c := range cells {
		n += number(c)
	}
	return n
}

// tablesOf are the cells of the tables, by the label of their region.
func tablesOf(t *testing.T, page string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	label, inCell := "", false
	d := xml.NewDecoder(strings.NewReader(page))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			if l := attr(x, "aria-label"); l != "" {
				label = l
			}
			inCell = x.Name.Local == "td"
		case xml.CharData:
			if inCell {
				out[label] = append(out[label], string(x))
			}
		case xml.EndElement:
			inCell = false
			if x.Name.Local == "table" {
				label = ""
			}
		}
	}
}

func attr(x xml.StartElement, name string) string {
	for _, a := range x.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// check reads a page as a browser under its policy would, and says what is wrong with it.
func check(t testing.TB, page string) {
	t.Helper()
	if len(page) > maxHTML {
		t.Errorf("it has %d bytes", len(page))
	}
	elements := strings.Fields("html head meta title style body header h1 p a code main dl div dt dd b small section h2 h3 ul ol li details summary table thead tbody tr th td bdi br span " +
		"footer pre i svg g defs rect use text path circle")
	attributes := strings.Fields("lang charset http-equiv content name class id role scope colspan tabindex viewBox preserveAspectRatio transform x y width height rx cx cy r d vector-effect aria-label aria-hidden")
	var policy, css string
	ids := map[string]bool{}
	var stack []string
	needsTitle := "" // a mark or a chart whose first child must be its title
	// HTML may hold characters that XML may not.
	d := xml.NewDecoder(strings.NewReader(strings.NewReplacer("\ufffe", "", "\uffff", "").Replace(page)))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			name := x.Name.Local
			if !slices.Contains(elements, name) {
				t.Errorf("it has an element %s", name)
			}
			if needsTitle != "" && name != "title" {
				t.Errorf("%s has no title of its own: its first child is %s", needsTitle, name)
			}
			needsTitle = ""
			for _, a := range x.Attr {
				switch {
				case a.Name.Local == "href" && strings.HasPrefix(a.Value, "#"):
				case !slices.Contains(attributes, a.Name.Local):
					t.Errorf("%s has an attribute %s=%q", name, a.Name.Local, a.Value)
				}
			}
			if id := attr(x, "id"); id != "" {
				if ids[id] {
					t.Errorf("the id %s is there twice", id)
				}
				ids[id] = true
			}
			if attr(x, "http-equiv") == "Content-Security-Policy" {
				policy = attr(x, "content")
			}
			switch class := attr(x, "class"); {
			case name == "svg" && attr(x, "aria-hidden") == "":
				if attr(x, "role") != "img" {
					t.Errorf("a chart is no image to a reader of the screen")
				}
				needsTitle = "a chart " + class
			case name == "circle", name == "rect" && slices.Contains(stack, "svg") && !slices.Contains(stack, "defs") && attr(x, "rx") == "", name == "g" && class != "":
				needsTitle = "a mark " + name
			}
			stack = append(stack, name)
		case xml.EndElement:
			if needsTitle != "" {
				t.Errorf("%s has no title", needsTitle)
			}
			needsTitle = ""
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 0 && stack[len(stack)-1] == "style" {
				css += string(x)
				continue
			}
			if i := bytes.IndexFunc(x, steers); i >= 0 {
				t.Errorf("hidden or control characters in %q", x)
			}
		}
	}
	sum := sha256.Sum256([]byte(css))
	if want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"; policy != want {
		t.Errorf("its policy is %q, want %q", policy, want)
	}
	for _, m := range regexp.MustCompile(`url\(|@import|https?://`).FindAllString(css, -1) {
		t.Errorf("its style asks for %s", m)
	}
}

// steers reports characters that a terminal obeys or a reader does not see.
func steers(r rune) bool {
	return r != '\n' && r != '\u200d' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
}

func TestPageIsClosedAndSmall(t *testing.T) {
	for name, r := range reports() {
		t.Run(name, func(t *testing.T) { check(t, page(t, r)) })
	}
	if p := page(t, reports()["against"]); !strings.Contains(p, "Here are 1,000, the first of each kind; 1,511 more are counted alone.") || strings.Count(p, "<li>") < 1000 {
		t.Errorf("the first 1,000 changes of a month are not there")
	}
}

// TestBrowserHasNothingToSay opens the pages in Chromium: its policy lets in what is meant to be there, and there is no other
// complaint. It is no proof that they look well, which is for people to see.
func TestBrowserHasNothingToSay(t *testing.T) {
	path := os.Getenv("CHROMIUM")
	if path == "" {
		path = "chromium"
	}
	if _, err := exec.LookPath(path); err != nil {
		t.Skipf("there is no Chromium here (CHROMIUM names one): %v", err)
	}
	console := func(page string) []string {
		dir, err := os.MkdirTemp("", "report")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir) // its processes may still write there for a moment, which is no failure
		file := filepath.Join(dir, "report.html")
		if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
		defer stop()
		cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update",
			"--disable-sync", "--enable-logging=stderr", "--user-data-dir="+filepath.Join(dir, "profile"), "--dump-dom", "file://"+file)
		cmd.WaitDelay = 10 * time.Second
		var dom, log strings.Builder
		cmd.Stdout, cmd.Stderr = &dom, &log
		if err := cmd.Run(); err != nil || !strings.Contains(dom.String(), "</footer>") {
			t.Fatalf("Chromium did not show the page (%v): %s", err, log.String())
		}
		return regexp.MustCompile(`(?m)^.*:CONSOLE.*$`).FindAllString(log.String(), -1)
	}
	for _, name := range []string{"against", "hostile"} {
		if said := console(page(t, reports()[name])); said != nil {
			t.Errorf("%s: %s", name, said)
		}
	}
	// It would have: a style of an element is against the policy.
	if said := console(strings.Replace(page(t, reports()["day"]), "<h1>", `<h1 style="color:red">`, 1)); len(said) != 1 {
		t.Errorf("of a page that breaks its policy it says %s", said)
	}
}

func TestTextFits(t *testing.T) {
	for name, r := range reports() {
		for _, width := range []int{80, 120} {
			for line := range strings.Lines(plainText(t, r, width)) {
				line = strings.TrimSuffix(line, "\n")
				if n := lipgloss.Width(line); n > width && !strings.HasPrefix(line, "    ") {
					t.Errorf("%s: %d columns, want at most %d: %s", name, n, width, line)
				}
				if strings.ContainsFunc(line, steers) || strings.TrimRight(line, " ") != line {
					t.Errorf("%s: %q", name, line)
				}
			}
		}
	}
}

// TestNoFormula: what a spreadsheet calculates is text there.
func TestNoFormula(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "+49 30": "'+49 30", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", " =1": "' =1", "＝1": "'＝1", "a=1": "a=1", "": "", "#soc": "#soc", "203.0.113.9": "203.0.113.9",
	} {
		if got := noFormula(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	r := makeReport(made{days: 1, receivers: 2, against: true, changes: 5})
	for i := range r.Changes {
		r.Changes[i].Title, r.Changes[i].Why, r.Changes[i].Alert = hostile, "\t=1", "\r\n@x"
	}
	r.Rules[0].Key, r.Receivers[0].Name = "\n-2+3", "\t+soc"
	for _, row := range rows(t, r) {
		for column, cell := range row {
			if cell != "" && strings.ContainsAny(strings.TrimSpace(cell)[:1], "=+-@") || strings.ContainsAny(cell, "\t\r\n\x1b") {
				t.Errorf("%s is %q", column, cell)
			}
		}
	}
}

// TestJSONHoldsAll reads the document back as its reader would.
func TestJSONHoldsAll(t *testing.T) {
	r := reports()["hostile"]
	var b bytes.Buffer
	if err := JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	if i := bytes.IndexFunc(b.Bytes(), steers); i >= 0 {
		t.Errorf("the terminal gets %q", b.Bytes()[i:min(i+20, b.Len())])
	}
	var got jsonReport
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != 1 || got.Now.Heat != r.Now.Heat || got.Then.Messages != r.Then.Messages || len(got.Changes) != len(r.Changes) || len(got.Days) != 2 {
		t.Errorf("it says %d messages in %d changes of %d days", got.Then.Messages, len(got.Changes), len(got.Days))
	}
	if want := strings.ToValidUTF8(r.Rules[0].Title, "\ufffd"); got.Rules[0].Title != want {
		t.Errorf("a title is %q, want it as it came: %q", got.Rules[0].Title, want)
	}
	b.Reset()
	if err := JSON(&b, &backtest.Report{}); err != nil || bytes.Contains(b.Bytes(), []byte("null")) {
		t.Errorf("of nothing it is %s (%v)", b.Bytes(), err)
	}
}

// TestUnfinishedReports: what an interrupted run leaves open is no reason to show nothing.
func TestUnfinishedReports(t *testing.T) {
	for name, change := range map[string]func(*backtest.Report){
		"nothing at all":         func(r *backtest.Report) { *r = backtest.Report{} },
		"no outcome":             func(r *backtest.Report) { r.Now = nil },
		"fewer days than named":  func(r *backtest.Report) { r.Receivers[0].Now.Days, r.Receivers[1].Then.Days = nil, []int{1} },
		"days that are none":     func(r *backtest.Report) { r.Days = []string{"x", "\x1b[2J", "2026-13-01"} },
		"a night of no hours":    func(r *backtest.Report) { r.NightOf = backtest.Night{} },
		"a night within a day":   func(r *backtest.Report) { r.NightOf = backtest.Night{From: 0, To: 24} },
		"no receiver":            func(r *backtest.Report) { r.Receivers = nil },
		"more counted than kept": func(r *backtest.Report) { r.Changes = nil },
		"large numbers": func(r *backtest.Report) {
			r.Now.Heat[0][0], r.Now.Messages, r.Rules[0].Now.Messages, r.Receivers[0].Now.Days[0] = math.MaxInt/200, math.MaxInt/200, math.MaxInt/400, math.MaxInt/200
		},
		"130 years": func(r *backtest.Report) {
			for d := range 47000 {
				r.Days = append(r.Days, r.From.AddDate(0, 0, d+3).Format(time.DateOnly))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := makeReport(made{days: 3, receivers: 2, against: true, changes: 3})
			change(r)
			check(t, page(t, r))
			plainText(t, r, 80)
			rows(t, r)
			if err := JSON(io.Discard, r); err != nil {
				t.Error(err)
			}
		})
	}
}

func FuzzHostile(f *testing.F) {
	for _, s := range injection.Seeds() {
		f.Add(s)
	}
	f.Add(hostile)
	f.Fuzz(func(t *testing.T, s string) {
		r := makeReport(made{days: 1, receivers: 2, against: true, changes: 3})
		r.Config, r.Against, r.Files = s, s, []string{s}
		for i := range r.Receivers {
			r.Receivers[i].Name, r.Receivers[i].Channel, r.Receivers[i].Place = s, s, s
		}
		for _, noisy := range [][]backtest.Noisy{r.Rules, r.Agents, r.Sources} {
			for i := range noisy {
				noisy[i].Key, noisy[i].Title, noisy[i].Words, noisy[i].Help = s, s, s, s
			}
		}
		for i := range r.Changes {
			r.Changes[i] = backtest.Change{Alert: s, Rule: s, Severity: s, Title: s, Receiver: s, Why: s}
		}
		r.Damaged = []backtest.Damage{{File: s, Text: s}}
		r.Suggestions = []backtest.Suggestion{{Words: s, YAML: s, Route: s}}
		r.Now.Saved[s] = 3
		check(t, page(t, r))
		if i := strings.IndexFunc(plainText(t, r, 80), steers); i >= 0 {
			t.Errorf("the terminal gets %q", plainText(t, r, 80)[i:])
		}
		for _, row := range rows(t, r) {
			for column, cell := range row {
				if strings.ContainsFunc(cell, steers) || cell != noFormula(cell) && !strings.HasPrefix(cell, "'") {
					t.Errorf("%s is %q", column, cell)
				}
			}
		}
	})
}

// TestContrast computes what people with weak sight need (WCAG 2.2, 1.4.3 and 1.4.11) from the style sheet itself.
func TestContrast(t *testing.T) {
	tokens := map[string][2]string{}
	for _, m := range regexp.MustCompile(`--(\w+):light-dark\((#\w{6}),(#\w{6})\)`).FindAllStringSubmatch(style, -1) {
		tokens[m[1]] = [2]string{m[2], m[3]}
	}
	for _, pair := range []struct {
		on   string
		text string
		want float64
	}{
		{"canvas", "text text2 text3 accent", 4.5}, {"surface", "text text2 text3 accent added removed", 4.5}, {"sunken", "text text2", 4.5}, {"warnsoft", "warn", 4.5},
		{"addedsoft", "added", 4.5}, {"removedsoft", "removed", 4.5}, {"h0", "text3", 4.5}, {"h1", "text", 4.5}, {"h2", "text", 4.5}, {"h3", "onheat", 4.5}, {"h4", "onheat", 4.5},
		{"surface", "control", 3},
	} {
		for _, name := range strings.Fields(pair.text) {
			for scheme := range 2 {
				if tokens[pair.on][scheme] == "" || tokens[name][scheme] == "" {
					t.Fatalf("the style sheet has no %s or %s", pair.on, name)
				}
				a, b := luminance(t, tokens[pair.on][scheme]), luminance(t, tokens[name][scheme])
				if got := (max(a, b) + 0.05) / (min(a, b) + 0.05); got < pair.want {
					t.Errorf("%s on %s, %s: %.2f, want %.1f", name, pair.on, []string{"light", "dark"}[scheme], got, pair.want)
				}
			}
		}
	}
}

func luminance(t *testing.T, hex string) float64 {
	n, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	part := func(shift int) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}

func TestFindingsOfTheHeatMap(t *testing.T) {
	set := func(cells ...[3]int) (heat [7][24]int) {
		for _, c := range cells {
			heat[c[0]][c[1]] = c[2]
		}
		return heat
	}
	var even [7][24]int
	for d := range even {
		for h := range even[d] {
			even[d][h] = 5
		}
	}
	even[3][9] = 6
	night := even
	night[1][2], night[5][3] = 500, 400
	over := even
	over[0][23], over[0][0] = 900, 900
	for name, tt := range map[string]struct {
		heat [7][24]int
		days int
		want string
	}{
		"nothing":           {[7][24]int{}, 30, "No message at any hour"},
		"one":               {set([3]int{2, 14, 1}), 30, "All messages come between 14:00 and 15:00"},
		"even":              {even, 30, "Messages come at all hours alike: the busiest, from 09:00, has 4 %"},
		"two days":          {night, 30, "55 % of the messages come between 02:00 and 04:00, more than half of them on Tuesday"},
		"two days of a day": {night, 1, "55 % of the messages come between 02:00 and 04:00"},
		"over midnight":     {over, 30, "71 % of the messages come between 23:00 and 01:00, more than half of them on Monday"},
		"a pair of days":    {set([3]int{1, 2, 30}, [3]int{5, 2, 30}, [3]int{3, 2, 29}, [3]int{3, 12, 9}), 30, "91 % of the messages come between 02:00 and 03:00, more than half of them on Tuesday and Saturday"},
	} {
		if got := heatFinding(tt.heat, tt.days); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestStepsOfTheHeatMap(t *testing.T) {
	for most, want := range map[int]string{
		1: "none, 1 and more", 3: "none, 1, 2, 3 and more", 56: "none, 1 to 10, 11 to 25, 26 to 45, 46 and more", 1234: "none, 1 to 250, 251 to 550, 551 to 1,000, 1,001 and more",
	} {
		if got := strings.Join(stepWords(bounds(most), most), ", "); got != want {
			t.Errorf("%d: %s, want %s", most, got, want)
		}
	}
	for most := 1; most < 3000; most++ {
		b := bounds(most)
		if !slices.IsSorted(b[:]) || step(b, 0) != 0 || step(b, 1) != 1 || most >= 4 && step(b, most) != 4 {
			t.Fatalf("%d: %v, the most is step %d", most, b, step(b, most))
		}
	}
}

func TestDifferences(t *testing.T) {
	for in, want := range map[[2]int]string{
		{0, 0}: "", {5, 5}: "the same", {0, 3}: "none before", {3, 0}: "none left", {100, 40}: "60 % fewer", {1000, 999}: "under 1 % fewer", {1000, 1}: "over 99 % fewer",
		{100, 140}: "40 % more", {10, 25}: "150 % more", {10, 120}: "12 times as many",
	} {
		if got, _ := difference(in[0], in[1]); got != want {
			t.Errorf("%v: %q, want %q", in, got, want)
		}
	}
}

func TestPeriods(t *testing.T) {
	for days, want := range map[int]string{
		1: "day 1", 62: "day 62", 63: "week 10", 400: "week 58", 500: "month 17", 3000: "year 9",
	} {
		r := makeReport(made{days: days, receivers: 1})
		unit, ps := periods(r)
		if got := fmt.Sprint(unit, " ", len(ps)); got != want {
			t.Errorf("%d days are %s, want %s", days, got, want)
		}
		sum := 0
		for _, p := range ps {
			sum += p.sum(r.Receivers[0].Now.Days)
		}
		if sum != r.Receivers[0].Now.Messages {
			t.Errorf("%d days: the periods add up to %d, want %d", days, sum, r.Receivers[0].Now.Messages)
		}
	}
	r := makeReport(made{days: 30, receivers: 1})
	_, ps := periods(r)
	if gaps := slices.DeleteFunc(ps, func(p period) bool { return !p.Gap }); len(gaps) != 2 || gaps[0].Short != "12 Oct" {
		t.Errorf("the gaps are %v", gaps)
	}
	if first := parseDay("2026-10-01"); !first.Equal(time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the first day is %v", first)
	}
}

// TestManualSaysWhatProgramsGet: every key of the JSON, and every kind and column of the CSV.
func TestManualSaysWhatProgramsGet(t *testing.T) {
	manual, err := os.ReadFile(filepath.Join("..", "..", "docs", "backtest.md"))
	if err != nil {
		t.Fatal(err)
	}
	section := func(begin string) string {
		_, s, found := strings.Cut(string(manual), "<!-- "+begin+" -->\n")
		s, _, ended := strings.Cut(s, "<!-- end -->")
		if !found || !ended {
			t.Fatalf("docs/backtest.md has no %s", begin)
		}
		return s
	}
	r := reports()["against"]
	var b bytes.Buffer
	if err := JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	keys := section("keys")
	for _, m := range regexp.MustCompile(`(?m)^ +"(\w+)":`).FindAllStringSubmatch(b.String(), -1) {
		// The causes are in the reports themselves.
		if _, cause := causeWords[m[1]]; !cause && !strings.Contains(keys, "`"+m[1]+"`") {
			t.Errorf("docs/backtest.md has no %s", m[1])
		}
	}
	filled := map[string][]string{}
	for _, row := range rows(t, r) {
		for column, cell := range row {
			if cell != "" && column != "kind" && !slices.Contains(filled[row["kind"]], column) {
				filled[row["kind"]] = append(filled[row["kind"]], column)
			}
		}
	}
	for _, l := range strings.Split(section("columns"), "\n") {
		cells := strings.Split(l, "|")
		for kind, columns := range filled {
			if len(cells) < 4 || !strings.Contains(cells[1], "`"+kind+"`") {
				continue
			}
			for _, column := range columns {
				if column != "config" && !strings.Contains(cells[2]+cells[3], "`"+column+"`") {
					t.Errorf("docs/backtest.md does not say what a %s has as %s", kind, column)
				}
			}
			delete(filled, kind)
		}
	}
	if len(filled) > 0 {
		t.Errorf("docs/backtest.md lacks the kinds %v", filled)
	}
}

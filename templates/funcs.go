package templates

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// allowed are the sprig functions that templates may use: those that only look at their arguments. What reads
// the environment, the network or a clock, makes keys or random values, or changes the alert's own maps is not
// here: the same alert gives the same message, today and in a backtest, and no template can send a secret.
var allowed = strings.Fields(`
	abbrev abbrevboth camelcase cat contains hasPrefix hasSuffix initials kebabcase lower nospace plural quote
	replace snakecase squote substr swapcase title trim trimAll trimPrefix trimSuffix trimall trunc untitle upper
	wrap wrapWith toString toStrings join split splitList splitn sortAlpha
	regexFind regexFindAll regexMatch regexQuoteMeta regexReplaceAll regexReplaceAllLiteral regexSplit
	mustRegexFind mustRegexFindAll mustRegexMatch mustRegexReplaceAll mustRegexReplaceAllLiteral mustRegexSplit
	add add1 add1f addf sub subf mul mulf div divf mod max maxf min minf ceil floor round biggest
	atoi float64 int int64 toDecimal
	append chunk compact concat first has initial last list mustAppend mustChunk mustCompact mustFirst mustHas
	mustInitial mustLast mustPrepend mustPush mustRest mustReverse mustSlice mustUniq mustWithout prepend push
	rest reverse slice tuple uniq without
	dict dig get hasKey keys omit pick pluck values
	all any coalesce default empty fail ternary deepEqual
	kindIs kindOf typeIs typeIsLike typeOf
	date dateInZone date_in_zone duration durationRound htmlDate htmlDateInZone mustToDate toDate unixEpoch
	b32dec b32enc b64dec b64enc adler32sum sha1sum sha256sum
	base clean dir ext isAbs osBase osClean osDir osExt osIsAbs
	fromJson mustFromJson semver semverCompare
	urlParse urlJoin
`)

// refused explains the sprig functions that people reach for and that are not there.
var refused = map[string]string{
	"env": "templates cannot read the environment", "expandenv": "templates cannot read the environment",
	"getHostByName": "templates cannot ask the network",
	"now":           "templates have no clock, so that a preview and a backtest say the same; use .Time", "ago": "templates have no clock; use .Time",
	"set": "templates cannot change the alert; use dict", "unset": "templates cannot change the alert; use omit",
	"merge": "templates cannot change the alert; use dict", "mergeOverwrite": "templates cannot change the alert; use dict",
	"mustMerge": "templates cannot change the alert; use dict", "mustMergeOverwrite": "templates cannot change the alert; use dict",
	"uuidv4": "templates make no random values; use .Delivery", "randAlphaNum": "templates make no random values; use .Delivery",
	"randInt": "templates make no random values", "genPrivateKey": "templates make no keys", "bcrypt": "templates make no keys",
}

// JSON is text that is valid JSON; where JSON is expected it is not escaped again.
type JSON string

func sprigFuncs() template.FuncMap {
	all := sprig.TxtFuncMap()
	funcs := template.FuncMap{}
	for _, name := range allowed {
		f, ok := all[name]
		if !ok {
			panic("templates: sprig has no function " + name) // a mistake in the list above; every test sees it
		}
		funcs[name] = f
	}
	limitFuncs(funcs)
	funcs["print"], funcs["println"], funcs["js"] = fmt.Sprint, fmt.Sprintln, template.JSEscaper
	boundArguments(funcs)
	return funcs
}

// ownFuncs are the functions of our own that need no set of templates.
func ownFuncs() template.FuncMap {
	return template.FuncMap{
		"toJson":       func(v any) (JSON, error) { return toJSON(v, "") },
		"toRawJson":    func(v any) (JSON, error) { return toJSON(v, "") },
		"toPrettyJson": func(v any) (JSON, error) { return toJSON(v, "  ") },
		"checked":      checked,
		"stamp":        stamp,
		"field":        field,
		"fact":         fact,
		"joinText":     joinText,
		"_words":       display.Words,
		"capital":      display.Text.Capital,
		"raw":          raw,
		"live":         live,
		"table":        table,
	}
}

// withOriginal is an object whose last key is the alert as it came. encoding/json would read that once more, letter by
// letter, which takes as long as all the rest.
type withOriginal interface {
	apart() (rest any, original *json.RawMessage)
	// added are further keys.
	added() map[string]any
}

func toJSON(v any, indent string) (JSON, error) {
	switch t := v.(type) {
	case display.Text:
		v = t.String()
	case JSON: // in JSON in JSON, each quotation mark doubles
		if err := tooLong(len(t)); err != nil {
			return "", err
		}
	}
	var original *json.RawMessage
	if x, ok := v.(withOriginal); ok && indent == "" {
		v, original = x.apart()
	}
	b := buffers.Get().(*limited)
	defer b.release()
	enc := json.NewEncoder(&b.Buffer)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	j := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if x, ok := v.(interface{ added() map[string]any }); ok {
		var err error
		if j, err = withAdded(j, x.added()); err != nil {
			return "", err
		}
	}
	if indent != "" {
		if n := indented(j, len(indent)); n > maxMade { // what lies deep is indented much
			return "", fmt.Errorf("toPrettyJson: more than %d bytes", maxMade)
		}
		var out bytes.Buffer
		err := json.Indent(&out, j, "", indent)
		return JSON(out.String()), err
	}
	if original == nil {
		return JSON(j), nil
	}
	const key = `,"original":`
	var out strings.Builder
	out.Grow(len(j) + len(key) + len(*original))
	out.Write(j[:len(j)-1])
	out.WriteString(key)
	out.Write(*original)
	out.WriteByte('}')
	return JSON(out.String()), nil
}

// indented is about how many bytes JSON has when it is set out.
func indented(j []byte, indent int) int {
	n := len(j)
	display.EachMark(j, func(_ byte, depth int) bool {
		n += 1 + depth*indent
		return true
	})
	return n
}

// field is the first value at a dotted path of the original alert, or "".
func field(path string, d *Data) string {
	if v := d.Lookup(path); len(v) > 0 {
		return v[0]
	}
	return ""
}

// asText is a value as text with its provenance: numbers, times and severities are words, all else is quoted.
func asText(v any) display.Text {
	switch v := v.(type) {
	case nil:
		return display.Text{}
	case display.Text:
		return v
	case string:
		return display.Quote(v)
	case JSON:
		return display.Quote(string(v))
	case Trusted:
		return display.Words(string(v))
	case time.Time:
		return stamp(v)
	case alert.Severity, int, int64, float64, bool:
		return display.Words(fmt.Sprint(v))
	case []string:
		return display.Quote(strings.Join(v, ", "))
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = fmt.Sprint(v[i])
		}
		return display.Quote(strings.Join(parts, ", "))
	}
	return display.Quote(fmt.Sprint(v))
}

// fact is a labelled value. The label is words where the template says it in quotes.
func fact(label, value any) Fact { return Fact{asText(label).Line(), asText(value)} }

// joinText puts texts together with another between them, which is words where the template says it in quotes.
func joinText(sep, values any) (display.Text, error) {
	list := reflect.ValueOf(values)
	if values == nil || list.Kind() != reflect.Slice {
		return nil, fmt.Errorf("joinText: %T is no list", values)
	}
	between := asText(sep)
	var out []display.Text
	for i := range list.Len() {
		if i > 0 {
			out = append(out, between)
		}
		out = append(out, asText(list.Index(i).Interface()))
	}
	return display.Join(out...), nil
}

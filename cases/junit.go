package cases

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
)

// The parts of JUnit's XML that CI systems read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the report as CI systems read it: a suite for each file.
func (report *Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Tests: len(report.Cases), Failures: report.Failed}
	of := map[string]*junitSuite{}
	took := map[string]time.Duration{}
	for _, r := range report.Cases {
		s := of[r.File]
		if s == nil {
			s = &junitSuite{Name: r.File}
			of[r.File] = s
		}
		c := junitCase{Class: r.File, Name: display.Quote(r.Name).Line().String(), File: r.File, Line: r.Line, Time: seconds(r.Took)}
		if !r.Passed {
			message := strings.Join(r.Differences, "; ")
			c.Failure = &junitFailure{Message: message, Type: "routing", Text: strings.Join(append([]string{fmt.Sprintf("%s:%d: %s", r.File, r.Line, message)}, r.Why...), "\n")}
			s.Failures++
		}
		s.Tests++
		s.Cases = append(s.Cases, c)
		took[r.File] += r.Took
	}
	for _, file := range slices.Sorted(maps.Keys(of)) {
		of[file].Time = seconds(took[file])
		all.Suites = append(all.Suites, *of[file])
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 6, 64) }

package rules

import (
	"cmp"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Problem is a mistake in the config, or with Warning a thing that is allowed but doubtful. Message says what is
// wrong and what to write instead; it begins in lower case and holds no line number.
type Problem struct {
	// File is the file of the config. ParseRoutes, ParseInhibits and ParseReceivers see nodes only and leave it
	// empty; Check takes it from the routes.
	File string
	// Line and Column are where the offending value stands, from 1; 0 when it came from no file.
	Line, Column int
	Message      string
	Warning      bool
}

// String is the problem as compilers write theirs: file, line and column, "warning:" where it is one, and the message.
func (p Problem) String() string {
	at := p.File
	if p.Line > 0 {
		at += fmt.Sprintf(":%d:%d", p.Line, p.Column)
	}
	if p.Warning {
		at += ": warning"
	}
	return at + ": " + p.Message
}

func problemAt(node *yaml.Node, format string, args ...any) Problem {
	p := Problem{Message: fmt.Sprintf(format, args...)}
	if node != nil {
		p.Line, p.Column = node.Line, node.Column
	}
	return p
}

// byPlace brings problems into the order in which the file is read.
func byPlace(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return problems
}

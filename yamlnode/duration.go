package yamlnode

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Duration is a time span in the config: 30s, 5m, 24h, 7d. It is longer than nothing.
type Duration time.Duration

// UnmarshalYAML reads a time span.
func (v *Duration) UnmarshalYAML(n *yaml.Node) error {
	t, err := ParseDuration(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		return fmt.Errorf("%q is no time span: write 30s, 5m, 24h or 7d", n.Value)
	}
	if t <= 0 {
		return fmt.Errorf("%q is no time span: it must be longer than nothing", n.Value)
	}
	*v = Duration(t)
	return nil
}

// ParseDuration is time.ParseDuration with days: 7d. What does not fit into a Duration (292 years) is an error.
func ParseDuration(text string) (time.Duration, error) {
	days, ok := strings.CutSuffix(text, "d")
	if !ok {
		return time.ParseDuration(text)
	}
	n, err := time.ParseDuration(days + "h") // which takes fractions
	if err != nil {
		return 0, err
	}
	if n > math.MaxInt64/24 || n < math.MinInt64/24 {
		return 0, errors.New("too long")
	}
	return n * 24, nil
}

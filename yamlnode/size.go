package yamlnode

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Size is a number of bytes in the config: 5000, 512KB, 1MiB. It is more than nothing.
type Size int

// units are what may stand behind the number; B, which others end with, is the last.
var units = []struct {
	name  string
	bytes int
}{{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"B", 1}}

// UnmarshalYAML reads a size.
func (v *Size) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("a size is wanted, such as 1MB, and this is %s", Kind(n))
	}
	size, err := ParseSize(n.Value)
	if err != nil {
		return err
	}
	*v = size
	return nil
}

// ParseSize reads a number of bytes, with a unit or without. Letter case does not count, and a blank may stand before the unit.
func ParseSize(text string) (Size, error) {
	number, unit := strings.TrimSpace(text), 1
	for _, u := range units {
		if at := len(number) - len(u.name); at > 0 && strings.EqualFold(number[at:], u.name) {
			number, unit = strings.TrimSpace(number[:at]), u.bytes
			break
		}
	}
	size, err := strconv.Atoi(strings.ReplaceAll(number, "_", ""))
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is no size: write a number of bytes, or one with a unit, such as 512KB, 1MB or 1MiB", text)
	case size <= 0:
		return 0, fmt.Errorf("%q is no size: it must be more than nothing", text)
	case size > math.MaxInt/unit:
		return 0, fmt.Errorf("%q is no size: it is too large", text)
	}
	return Size(size * unit), nil
}

// String is the size with the unit that leaves the shortest whole number: 64KiB, 1MB, 5001.
func (v Size) String() string {
	number, unit := strconv.Itoa(int(v)), ""
	for _, u := range units {
		if n := strconv.Itoa(int(v) / u.bytes); v > 0 && int(v)%u.bytes == 0 && len(n) < len(number) {
			number, unit = n, u.name
		}
	}
	return number + unit
}

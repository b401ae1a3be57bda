// Package enrichtest owns small databases in MaxMind's format for tests of what enrichment makes of them. It does not know what
// enrichment reads in them, and no program links it.
package enrichtest

import (
	"fmt"
	"maps"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// Database is one that is to be written.
type Database struct {
	Type string `json:"type"`
	// Version is that of the addresses that it holds: 4, or 6 for both.
	Version int       `json:"version"`
	Built   time.Time `json:"built"`
	// Networks are records by their networks, of the types of decoded JSON. Whole numbers are written as such. Of two networks around an
	// address, the narrower counts.
	Networks map[string]any `json:"networks"`
}

// Write writes the database, as a whole or not at all.
func (d Database) Write(path string) error {
	if d.Version == 0 {
		d.Version = 6
	}
	if d.Built.IsZero() {
		d.Built = time.Now()
	}
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: d.Type, IPVersion: d.Version, BuildEpoch: d.Built.Unix(), IncludeReservedNetworks: true, Languages: []string{"en"}, RecordSize: 24,
	})
	if err != nil {
		return err
	}
	networks := map[*net.IPNet]any{}
	for network, record := range d.Networks {
		_, n, err := net.ParseCIDR(network)
		if err != nil {
			return err
		}
		networks[n] = record
	}
	wider := func(a, b *net.IPNet) int {
		ofA, _ := a.Mask.Size()
		ofB, _ := b.Mask.Size()
		return ofA - ofB
	}
	for _, n := range slices.SortedFunc(maps.Keys(networks), wider) { // what is inserted later replaces what it is a part of
		v, err := value(networks[n])
		if err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
		if err := tree.Insert(n, v); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".mmdb")
	if err != nil {
		return err
	}
	_, err = tree.WriteTo(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func value(v any) (mmdbtype.DataType, error) {
	switch v := v.(type) {
	case string:
		return mmdbtype.String(v), nil
	case bool:
		return mmdbtype.Bool(v), nil
	case int:
		return value(float64(v))
	case float64:
		switch {
		case v == math.Trunc(v) && v >= 0 && v <= math.MaxUint32:
			return mmdbtype.Uint32(v), nil
		}
		return mmdbtype.Float64(v), nil
	case []any:
		out := mmdbtype.Slice{}
		for _, x := range v {
			d, err := value(x)
			if err != nil {
				return nil, err
			}
			out = append(out, d)
		}
		return out, nil
	case map[string]any:
		out := mmdbtype.Map{}
		for key, x := range v {
			d, err := value(x)
			if err != nil {
				return nil, err
			}
			out[mmdbtype.String(key)] = d
		}
		return out, nil
	}
	return nil, fmt.Errorf("%T is of no type that a database has", v)
}

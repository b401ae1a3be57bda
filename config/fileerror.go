package config

import (
	"errors"
	"fmt"
	"io/fs"
)

// FileError is what a command says of a config file that cannot be read.
func FileError(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no config %s: write one (README.md has one to begin with), or name it with --config", path)
	}
	return fmt.Errorf("config: %w", err)
}

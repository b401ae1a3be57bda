package cases

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Files are the files that are named, or those beside the config. A directory stands for those in it.
func Files(config string, args []string) ([]string, error) {
	var files []string
	in := func(dir string) error {
		for _, pattern := range []string{"*.yaml", "*.yml"} {
			found, err := filepath.Glob(filepath.Join(globbed(dir), pattern))
			if err != nil {
				return err
			}
			files = append(files, found...)
		}
		return nil
	}
	for _, arg := range args {
		if st, err := os.Stat(arg); err == nil && st.IsDir() {
			if err := in(arg); err != nil {
				return nil, err
			}
			continue
		}
		files = append(files, arg)
	}
	beside := filepath.Dir(config)
	places := []string{filepath.Join(beside, "tests"), filepath.Join(beside, "ossec-notify", "tests")}
	if len(args) == 0 {
		for _, dir := range places {
			if err := in(dir); err != nil {
				return nil, err
			}
		}
	} else {
		places = args
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there are no cases: no *.yaml in %s. Write the first, such as %s:\n\n%s", strings.Join(places, " or "), filepath.Join(places[0], "routes.yaml"), Example)
	}
	return files, nil
}

// globbed is a path for a pattern, in which it stands for itself.
func globbed(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

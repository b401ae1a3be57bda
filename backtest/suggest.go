package backtest

import (
	"context"
)

type keeper struct{}

func newKeeper(any) *keeper { return &keeper{} }
func (k *keeper) add(any)   {}
func suggest(ctx context.Context, dir string, opt *Options, r *Report, s *side, k *keeper) []Suggestion {
	return nil
}

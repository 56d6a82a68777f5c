//go:build cgo

package fbat

import (
	"context"
	"iter"
)

// Entities iterates over the entities that options select, in the order of their bytes; nil for all
// of them. [Store.EntityPage] reads each page, and has the failures. One ends the iteration; it
// comes with an empty summary.
func (s *Store) Entities(ctx context.Context, options *ListOptions) iter.Seq2[Summary, error] {
	return list(ctx, options, s.EntityPage)
}

// Scopes iterates over the scopes of the store, as [Store.Entities] does.
func (s *Store) Scopes(ctx context.Context, options *ListOptions) iter.Seq2[Summary, error] {
	return list(ctx, options, s.ScopePage)
}

func list(
	ctx context.Context, options *ListOptions,
	read func(context.Context, *ListOptions) (Summaries, error),
) iter.Seq2[Summary, error] {
	return func(yield func(Summary, error) bool) {
		next := *orZero(options)
		for {
			page, err := read(ctx, &next)
			if err != nil {
				yield(Summary{}, err)
				return
			}
			for _, summary := range page.Rows {
				if !yield(summary, nil) {
					return
				}
				next.After = &summary.Name
			}
			if page.End {
				return
			}
		}
	}
}

package scenario

import (
	"context"
	"fmt"

	"github.com/countersign-id/countersign/bench/passkey"
	"github.com/countersign-id/countersign/bench/table"
)

// passkeys is how many there are, each of somebody else: more than callers, so
// that no two verify the same one at once.
const passkeys = 2000

// passkey measures what the method adds to the signature it verifies, when
// whose passkey it is was read and that it was used is written.
func (b *Bench) passkey(ctx context.Context) ([]table.Row, error) {
	side := func(bare bool) measure {
		return func(ctx context.Context) (sample, error) {
			return worked(passkey.Spawn(ctx, b.Exe, passkey.Order{Bare: bare, Dir: b.Dir, People: passkeys, Callers: callers, For: b.Window}))
		}
	}
	turns, err := interleave(ctx, b.Rounds, side(false), side(true))
	if err != nil {
		return nil, err
	}
	row := compare(fmt.Sprintf("passkeys verified from inside, %d callers", callers), turns[0], turns[1])
	row.Against = "the bare ES256 signature, with the same read and the same write by the store"
	row.Note = "ours also parses the answer and checks challenge, origin, RP ID, flags, counter and backup state"
	return []table.Row{row.Judge("≥ 0.90", row.Ratio.Median >= 0.90)}, nil
}

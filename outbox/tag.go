package outbox

import "hash/fnv"

// A delivery's ID is a hash, so an index over it would take each new entry to another page: accepting a batch
// over a large file would rewrite as many pages as the batch has deliveries. The index is over a tag instead: 32
// bits of the ID's hash below the generation, which is the number of the alert without its low bits. New entries
// then fall into the same few pages whatever the size of the file, and a look-up, which is rare, asks for one tag
// in every generation that is still there.
const generationBits = 14 // 16,384 alerts

func tag(alert int64, id string) int64 {
	return alert>>generationBits<<32 | int64(tagHash(id))
}

func tagHash(id string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return h.Sum32()
}

// byID is the FROM clause that finds the deliveries d with an ID. It takes tagHash(id) and then the ID.
const byID = `
	FROM (WITH RECURSIVE generation (n) AS (
		SELECT (SELECT min(id) FROM alert) >> 14
		UNION ALL
		SELECT n + 1 FROM generation WHERE n < (SELECT max(id) FROM alert) >> 14
	) SELECT n << 32 | ? AS tag FROM generation) AS wanted
	CROSS JOIN delivery AS d ON d.tag = wanted.tag AND d.id = ?`

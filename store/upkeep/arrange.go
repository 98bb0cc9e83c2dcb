package upkeep

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/event-gateway/event-gateway/store"
)

// Layout says how the records of the spaces are divided among realms.
type Layout string

const (
	Same   Layout = "same"   // as they are
	Shared Layout = "shared" // all in one realm
	Hosted Layout = "hosted" // each space in its own
)

// arrange returns the contents as the layout has them, or what stands in the way.
func arrange(from contents, to Layout) (_ contents, problems []string) {
	spaces := len(from)
	_, shared := from[store.Shared]
	if shared {
		spaces--
	}
	switch {
	case len(from) == 0:
		return nil, []string{"it holds no records: is this the right URL and prefix?"}
	case to == Same, to == Shared && spaces == 0, to == Hosted && !shared:
		return from, nil
	case shared && spaces > 0:
		return nil, []string{fmt.Sprintf("it holds the shared realm and %s beside it: such a store can only be copied as it is (-to same)",
			count(spaces, "realm of a space", "realms of spaces"))}
	case to == Shared:
		return merge(from)
	}
	return split(from[store.Shared])
}

// split makes each space a realm.
func split(records map[string]store.Item) (all contents, problems []string) {
	all = contents{}
	var homeless []string
	refused := map[string]bool{}
	for key, item := range records {
		switch space, ok := spaceOf(key); {
		case !ok:
			homeless = append(homeless, name(store.Shared, key))
		case !store.IsLabel(space):
			refused[space] = true
		default:
			all.add(store.Realm(space), item)
		}
	}
	if len(refused) > 0 {
		problems = append(problems, fmt.Sprintf("%s cannot be hosted, since no host name can have such a part: %s. It has 3 to 63 lower-case letters, digits and hyphens, with none of the latter at its ends",
			count(len(refused), "space", "spaces"), list(slices.Sorted(maps.Keys(refused)))))
	}
	return all, append(problems, strangers(homeless)...)
}

// merge puts all realms into one.
func merge(from contents) (all contents, problems []string) {
	all = contents{}
	var homeless []string
	for realm, records := range from {
		for key, item := range records {
			if space, _ := spaceOf(key); space != string(realm) {
				homeless = append(homeless, name(realm, key))
				continue
			}
			all.add(store.Shared, item)
		}
	}
	return all, strangers(homeless)
}

// strangers tells of keys that say no space, or another one than that of their realm: gateways leave such records out, and in another
// realm they might not.
func strangers(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return []string{fmt.Sprintf("%s under a key that no gateway writes there: %s. Delete what is of no use, or copy all as it is (-to same)",
		count(len(names), "record is", "records are"), list(names))}
}

func (c contents) add(realm store.Realm, item store.Item) {
	if c[realm] == nil {
		c[realm] = map[string]store.Item{}
	}
	c[realm][item.Key] = item
}

// spaceOf returns the space that a record's key tells: KIND/SPACE/ID.
func spaceOf(key string) (string, bool) {
	_, rest, _ := strings.Cut(key, "/")
	space, _, ok := strings.Cut(rest, "/")
	return space, ok
}

// routes finds subscriptions that had a route each, and would have one together.
type routes struct {
	owners map[string]*store.Subscription
	taken  []string
}

func (r *routes) add(sub *store.Subscription) {
	route := sub.SyncRoute()
	if route == "" {
		return
	}
	other := r.owners[route]
	if other == nil {
		r.owners[route] = sub
		return
	}
	r.taken = append(r.taken, fmt.Sprintf("%s %s %s of the spaces %s and %s", sub.EventType, sub.Method, sub.Path, other.Space, sub.Space))
}

// survey returns the names of the records that this version cannot read and, if realms are merged, which routes more than one of them has.
func survey(rules *store.Rules, from contents, merged bool) (unreadable, taken []string) {
	r := routes{owners: map[string]*store.Subscription{}}
	for _, realm := range from.realms() {
		items := slices.Collect(maps.Values(from[realm]))
		s := store.NewSnapshot(rules, realm, items, store.Head{}, func(key string, _ error) {
			unreadable = append(unreadable, name(realm, key))
		})
		if merged {
			for sub := range s.Subscriptions(string(realm)) {
				r.add(sub)
			}
		}
	}
	if len(r.taken) > 0 {
		taken = []string{fmt.Sprintf("%s, and spaces that share their URLs cannot have the same one: %s. Delete all but one of each",
			count(len(r.taken), "route is there twice", "routes are there twice"), list(r.taken))}
	}
	slices.Sort(unreadable)
	return unreadable, taken
}

// misfits tells of realms, and of a record in each, that no gateway makes like that, and that another kind of store may not be able to hold.
func (c contents) misfits() (problems []string) {
	for _, realm := range c.realms() {
		if realm != store.Shared && !store.IsLabel(string(realm)) {
			problems = append(problems, fmt.Sprintf("%.100q is no name of a realm: it has 3 to 63 lower-case letters, digits and hyphens", realm))
		}
		for key, item := range c[realm] {
			one := store.Commit{ID: "-", Ops: []store.Op{{Key: key, Value: item.Value}}}
			err := one.Check()
			if err == nil && (!utf8.ValidString(key) || strings.ContainsRune(key, 0)) {
				err = fmt.Errorf("the key %.100q is no text", key)
			}
			if err != nil {
				problems = append(problems, fmt.Sprintf("realm %q: %v", realm, err))
				break
			}
		}
	}
	return problems
}

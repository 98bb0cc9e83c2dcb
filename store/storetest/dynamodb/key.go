package dynamodb

import "strings"

// keyOf returns the key of an item that is to be stored.
func (t *table) keyOf(i item) (key, error) {
	for _, name := range []string{t.partition, t.sort} {
		v, ok := i[name]
		if !ok {
			return key{}, badValue("Missing the key %s in the item", name)
		}
		if v.kind != "S" {
			return key{}, badValue("Type mismatch for key %s expected: S actual: %s", name, v.kind)
		}
	}
	return t.sized(i[t.partition].text, i[t.sort].text)
}

// key returns the key that a client gave as one.
func (t *table) key(i item) (key, error) {
	p, s := i[t.partition], i[t.sort]
	if len(i) != 2 || p.kind != "S" || s.kind != "S" {
		return key{}, invalid("The provided key element does not match the schema")
	}
	return t.sized(p.text, s.text)
}

func (t *table) sized(partition, sort string) (key, error) {
	switch {
	case partition == "":
		return key{}, emptyKey(t.partition)
	case sort == "":
		return key{}, emptyKey(t.sort)
	case len(partition) > maxPartition:
		return key{}, badValue("Size of hashkey has exceeded the maximum size limit of%d bytes", maxPartition) // without a space
	case len(sort) > maxSort:
		return key{}, badValue("Aggregated size of all range keys has exceeded the size limit of %d bytes", maxSort)
	}
	return key{partition, sort}, nil
}

func emptyKey(name string) error {
	return invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. "+
		"Key: %s", name)
}

// keyItem returns the key as clients see it.
func (t *table) keyItem(k key) item {
	return item{t.partition: {"S", k.partition}, t.sort: {"S", k.sort}}
}

func tableName(name string) error {
	if err := required(name != "", "tableName"); err != nil {
		return err
	}
	if len(name) < 3 || len(name) > 255 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" {
		return invalid("Invalid table/index name. Table/index names must be between 3 and 255 characters long, "+
			"and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.': %s", name)
	}
	return nil
}

package store

// FunctionType says which provider settings functions of one type have. What calls them is not known here.
type FunctionType struct {
	Name   string // as in a function's "type": "awslambda"
	Title  string // as in messages: "AWS Lambda function"
	Fields []Field
	// Web says that functions of the type are HTTP servers: they may get events in binary mode, and answer as a plain web server does.
	Web bool
	// Check, if there is one, sees the settings once the required ones are known to be there; its error is meant for people.
	Check func(Provider) error
}

// Field is one provider setting.
type Field struct {
	Name     string
	Kind     Kind
	Required bool
	Secret   bool    // sealed in the store; never in an answer, a log or an error. Of a Map: each of its values
	Members  []Field // of an Object
	// Address says that the setting is a URL or host that the function's secrets are sent to: what Masked keeps is kept for the same one.
	Address bool
	// Words are values of a secret setting that are none, and are shown as they are.
	Words []string
}

// Kind is which JSON values a Field takes.
type Kind uint8

const (
	Text   Kind = iota // a string
	Flag               // true or false
	Map                // an object of strings, under names that users choose
	Object             // an object with the Field's Members
)

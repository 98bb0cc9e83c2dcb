package store

// FunctionType says which provider settings functions of one type have. What calls them is not known here.
type FunctionType struct {
	Name   string // as in a function's "type": "awslambda"
	Title  string // as in messages: "AWS Lambda function"
	Fields []Field
	// Check, if there is one, sees the settings once the required ones are known to be there; its error is meant for people.
	Check func(Provider) error
}

// Field is one provider setting. Its value is a string.
type Field struct {
	Name     string
	Required bool
	Secret   bool // never in an answer, a log or an error
}

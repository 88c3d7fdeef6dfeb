package validation

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/go-playground/locales"
	"github.com/go-playground/locales/en"
	"github.com/go-playground/locales/id"
	ut "github.com/go-playground/universal-translator"
	"github.com/go-playground/validator/v10"
	entexts "github.com/go-playground/validator/v10/translations/en"
	idtexts "github.com/go-playground/validator/v10/translations/id"
)

// Struct checks v, a struct or a pointer to one, by its validate tags. It returns nil or Errors with every
// problem at once, their paths built from json tags and prefixed with root when that is not empty; what is not
// a struct gives another error. A tag that names no rule panics, as in the validator package.
//
// It is safe for concurrent use.
func Struct(root string, v any) error {
	return Explain(root, v, shared().validate.Struct(v))
}

// Explain turns the error of a validator that knows our rules by Register, for example what gin's ShouldBind
// returns, into Errors. v is what was validated; it gives the paths. Any other error, nil too, is returned as
// it is. It is safe for concurrent use.
func Explain(root string, v any, err error) error {
	var found validator.ValidationErrors
	if !errors.As(err, &found) {
		return err
	}
	out := make(Errors, len(found))
	for i, fe := range found {
		path, parent := locate(reflect.ValueOf(v), fe)
		if root != "" {
			path = root + "." + path
		}
		code, params := codeOf(fe), paramsOf(fe, parent)
		out[i] = FieldError{Path: path, Code: code, text: shared().textOf(fe, code, params)}
	}
	return out
}

// Register adds our rules to the validator of a host, for example gin's binding engine, which then knows them
// in its own struct tags and can check a money.Amount. Explain turns what it finds into Errors. Call it before
// v is used, as the validator package asks for all registrations.
func Register(v *validator.Validate) error {
	return shared().register(v)
}

// An engine is our own validator with its texts.
type engine struct {
	validate *validator.Validate
	en, id   *translator
}

// shared builds the engine once: the validator caches what it learns about every struct type.
// Failing would mean that our own table is wrong.
var shared = sync.OnceValue(func() *engine {
	e := &engine{
		validate: validator.New(validator.WithRequiredStructEnabled()),
		en:       newTranslator(en.New()),
		id:       newTranslator(id.New()),
	}
	e.validate.RegisterTagNameFunc(func(reflect.StructField) string { return fieldName })
	if err := e.register(e.validate); err != nil {
		panic(fmt.Errorf("validation: %w", err))
	}
	e.en.sealed, e.id.sealed = true, true
	return e
})

func (e *engine) register(v *validator.Validate) error {
	var errs []error
	for tag, rule := range rules() {
		errs = append(errs, v.RegisterValidation(tag, rule))
	}
	v.RegisterAlias("country3", countries)
	registerAmount(v)
	errs = append(errs, entexts.RegisterDefaultTranslations(v, e.en), idtexts.RegisterDefaultTranslations(v, e.id))
	return errors.Join(errs...)
}

// A translator is a table of texts that is filled once. Registering the texts of the validator package fills
// the table and tells a validator which text belongs to which tag; for a second validator only the latter is
// wanted, and the table may be in use.
type translator struct {
	ut.Translator
	sealed bool
}

func newTranslator(l locales.Translator) *translator {
	t, _ := ut.New(l, l).GetTranslator(l.Locale())
	return &translator{Translator: t}
}

func (t *translator) Add(key any, text string, override bool) error {
	if t.sealed {
		return nil
	}
	return t.Translator.Add(key, text, override)
}

func (t *translator) AddCardinal(key any, text string, rule locales.PluralRule, override bool) error {
	if t.sealed {
		return nil
	}
	return t.Translator.AddCardinal(key, text, rule, override)
}

// codeOf maps a rule, and for lengths the kind of the field, to our stable code.
func codeOf(fe validator.FieldError) string {
	switch tag := fe.Tag(); tag {
	case "max", "lte", "lt":
		return "too_" + sizeWord(fe.Kind(), "long", "many", "large")
	case "min", "gte", "gt":
		return "too_" + sizeWord(fe.Kind(), "short", "few", "small")
	case "len":
		return "wrong_length"
	case "oneof", "oneofci":
		return "one_of"
	case "rupiah0":
		return "rupiah"
	case "sum_of":
		return "amount_mismatch"
	case "phone_id":
		return "phone"
	case "country3":
		return "country"
	case "no_control":
		return "control_characters"
	default:
		if strings.HasPrefix(tag, "required_") {
			return "required"
		}
		return tag
	}
}

func sizeWord(k reflect.Kind, text, list, number string) string {
	switch k {
	case reflect.String:
		return text
	case reflect.Slice, reflect.Map, reflect.Array:
		return list
	default:
		return number
	}
}

// paramsOf returns what our text for the rule needs. parent is the struct that holds the field, if known.
func paramsOf(fe validator.FieldError, parent reflect.Value) []any {
	switch {
	case fe.Tag() == "rupiah0":
		return []any{"Rp0"}
	case fe.Tag() == "https_url" && fe.Param() != "":
		return []any{fe.Param()}
	case fe.Tag() == "sum_of" && parent.IsValid():
		if amount, ok := amountIn(parent.FieldByName(fe.StructField())); ok {
			sum, _ := sumOf(parent, fe.Param())
			return []any{amount.Sub(sum)}
		}
	}
	return nil
}

// textOf prefers our own text, then the one of the validator package.
func (e *engine) textOf(fe validator.FieldError, code string, params []any) text {
	if t := textOf(code, params); t != textOf("", nil) {
		return t
	}
	t := text{fe.Translate(e.en), fe.Translate(e.id)}
	if t.en == fe.Error() || t.id == fe.Error() { // there is none
		return textOf("", nil)
	}
	return text{named(t.en, fe), named(t.id, fe)}
}

// named puts our placeholder where a host's validator put its own name of the field.
func named(sentence string, fe validator.FieldError) string {
	if rest, ok := strings.CutPrefix(sentence, fe.Field()+" "); ok {
		return fieldName + " " + rest
	}
	return sentence
}

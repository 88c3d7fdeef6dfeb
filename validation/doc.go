// Package validation says what is wrong with an order before DOKU does: rules for struct tags on
// go-playground/validator, readable errors in English and Indonesian, and normalisers for what Indonesian
// shoppers type.
//
// # Rules
//
// Struct tags, beside those of the validator package. Lengths of strings are counted in runes, so max=255 is
// what DOKU's page means. The field limits are those of DOKU's Kredivo page.
//
//	invoice_number   string: 1 to 64 of A-Z a-z 0-9 . _ - and not only dots, because it becomes part of a URL path
//	rupiah           money.Amount: Rp1 to Rp999.999.999.999
//	rupiah0          money.Amount: as rupiah, or Rp0
//	sum_of=Lines     money.Amount: equals the sum of Price x Quantity over the field Lines of the same struct, which is
//	                 a slice of structs; an empty slice is left to other rules
//	quantity         integer: 1 to 9999
//	https_url        string: https, a host, no user or password, no spaces or control characters
//	https_url=loopback  as https_url, or http to localhost, 127.0.0.0/8 or [::1], for local development
//	phone_id         string: calling code and number, 8 to 15 digits, no +, 62 not followed by 0; Phone makes these
//	country3         string: ISO 3166-1 alpha-3 in capitals; Country makes these
//	no_control       string: valid UTF-8 without control characters, line breaks or marks that turn the direction
//	                 of text; Text makes these
//
// # Codes
//
// Every FieldError has a code. Codes are stable: programs may switch on them, and new ones may be added.
//
//	required            the field is missing or empty, also when another field demands it
//	too_long            more characters than allowed        too_short    fewer
//	too_large           a larger number than allowed        too_small    a smaller one
//	too_many            more entries than allowed           too_few      fewer
//	wrong_length        not exactly as long as demanded
//	one_of              not one of a fixed list
//	email               not an e-mail address
//	invoice_number      see the rule
//	rupiah              see rupiah and rupiah0
//	amount_mismatch     the lines do not add up to the amount   parameter: money.Amount, amount minus lines
//	discount_too_large  more than what it is taken from
//	quantity            see the rule
//	too_many_lines      too many lines in the order             parameter: int, the limit
//	https_url           see the rule
//	phone               see phone_id and Phone
//	country             see country3 and Country
//	control_characters  see no_control
//
// Any other rule of the validator package gives its tag as the code.
package validation

package kredivo

import "github.com/paylater-go/paylater/validation"

// What shoppers read. It never blames, never guesses a reason for a refusal (that someone was refused
// credit is sensitive), and never says "paid" before DOKU does.

// A text is a page's heading and its sentence.
type text struct{ Title, Body string }

var labels = map[validation.Language]map[string]string{
	validation.Indonesian: {
		"order": "Pesanan", "amount": "Jumlah", "back": "Kembali ke toko", "resume": "Lanjutkan pembayaran",
		"refresh": "Halaman ini memperbarui diri secara otomatis.",
	},
	validation.English: {
		"order": "Order", "amount": "Amount", "back": "Back to the shop", "resume": "Continue the payment",
		"refresh": "This page refreshes by itself.",
	},
}

var pageTexts = map[validation.Language]map[string]text{
	validation.Indonesian: {
		stateChecking: {"Pembayaran sedang kami periksa", "Kami menunggu kabar dari penyedia pembayaran. Biasanya hanya beberapa detik. Jika sudah membayar, Anda tidak perlu membayar lagi."},
		"left":        {"Pembayaran belum selesai", "Anda meninggalkan halaman Kredivo. Pesanan Anda tetap tersimpan dan masih dapat dibayar."},
		statePaid:     {"Pembayaran berhasil", "Terima kasih, pembayaran Anda sudah kami terima."},
		stateFailed:   {"Pembayaran belum berhasil", "Pembayaran dengan Kredivo tidak dapat diselesaikan. Anda dapat mencoba lagi atau memilih cara pembayaran lain di toko."},
		stateExpired:  {"Waktu pembayaran habis", "Anda dapat memulai pembayaran lagi dari pesanan Anda. Jika Anda sudah membayar, hubungi toko."},
		stateReview:   {"Pembayaran perlu diperiksa", "Toko sedang memeriksa pembayaran Anda. Anda tidak perlu membayar lagi."},
		stateRefunded: {"Pembayaran dikembalikan", "Pembayaran pesanan ini sudah dibatalkan atau dikembalikan."},
	},
	validation.English: {
		stateChecking: {"We are checking your payment", "We are waiting for word from the payment provider. This usually takes a few seconds. If you have paid, there is no need to pay again."},
		"left":        {"The payment is not finished", "You left the Kredivo page. Your order is kept and can still be paid."},
		statePaid:     {"Payment received", "Thank you, we have received your payment."},
		stateFailed:   {"The payment did not go through", "The payment with Kredivo could not be completed. You can try again or choose another way to pay in the shop."},
		stateExpired:  {"The time to pay is over", "You can start the payment again from your order. If you have paid already, please contact the shop."},
		stateReview:   {"The payment is being looked at", "The shop is looking at your payment. There is no need to pay again."},
		stateRefunded: {"The payment was returned", "The payment of this order was cancelled or refunded."},
	},
}

func pageText(lang validation.Language, state string) text { return pageTexts[lang][state] }

var errorTexts = map[validation.Language]map[Code]text{
	validation.Indonesian: {
		CodeInvalidOrder:   {"Data pesanan belum lengkap", "Periksa kembali data pesanan, nomor telepon dan alamat Anda, lalu coba lagi."},
		CodeOrderNotFound:  {"Pesanan tidak ditemukan", "Kami tidak menemukan pesanan ini. Silakan mulai lagi dari toko."},
		CodeOrderChanged:   {"Pesanan sudah berubah", "Jumlah pesanan berubah setelah pembayaran dimulai. Silakan buat pesanan baru."},
		CodeAlreadyPaid:    {"Pesanan sudah dibayar", "Pesanan ini sudah dibayar. Anda tidak perlu membayar lagi."},
		CodeInReview:       {"Pembayaran perlu diperiksa", "Toko sedang memeriksa pembayaran Anda. Anda tidak perlu membayar lagi."},
		CodeNotPayable:     {"Pesanan tidak dapat dibayar", "Pesanan ini sudah selesai. Silakan buat pesanan baru."},
		CodeNotPaid:        {"Belum dibayar", "Pesanan ini belum dibayar."},
		CodePaymentRefused: {"Pembayaran belum berhasil", "Pembayaran dengan Kredivo tidak dapat dimulai. Anda dapat mencoba lagi atau memilih cara pembayaran lain."},
		CodeUnavailable:    {"Pembayaran sedang tidak tersedia", "Silakan coba lagi beberapa saat lagi. Pesanan Anda tetap tersimpan."},
		CodeMisconfigured:  {"Pembayaran sedang tidak tersedia", "Silakan coba lagi nanti atau pilih cara pembayaran lain."},
		CodeNotAuthorized:  {"Silakan masuk dahulu", "Sesi Anda sudah berakhir. Masuk kembali di toko, lalu coba lagi."},
		CodeNotFound:       {"Halaman tidak ditemukan", "Tautan ini tidak berlaku. Silakan mulai lagi dari toko."},
		CodeInternal:       {"Terjadi gangguan", "Silakan coba lagi. Pesanan Anda tetap tersimpan."},
		"":                 {"Permintaan tidak dapat diproses", "Silakan mulai lagi dari toko."},
	},
	validation.English: {
		CodeInvalidOrder:   {"The order is incomplete", "Please check your order, your phone number and your address, and try again."},
		CodeOrderNotFound:  {"Order not found", "We cannot find this order. Please start again from the shop."},
		CodeOrderChanged:   {"The order has changed", "The amount changed after the payment was started. Please place a new order."},
		CodeAlreadyPaid:    {"The order is paid", "This order has been paid. There is no need to pay again."},
		CodeInReview:       {"The payment is being looked at", "The shop is looking at your payment. There is no need to pay again."},
		CodeNotPayable:     {"The order cannot be paid", "This order is over. Please place a new order."},
		CodeNotPaid:        {"Not paid yet", "This order has not been paid."},
		CodePaymentRefused: {"The payment did not go through", "The payment with Kredivo could not be started. You can try again or choose another way to pay."},
		CodeUnavailable:    {"Payment is not available right now", "Please try again in a moment. Your order is kept."},
		CodeMisconfigured:  {"Payment is not available right now", "Please try again later or choose another way to pay."},
		CodeNotAuthorized:  {"Please sign in first", "Your session has ended. Sign in to the shop again and try once more."},
		CodeNotFound:       {"Page not found", "This link is not valid. Please start again from the shop."},
		CodeInternal:       {"Something went wrong", "Please try again. Your order is kept."},
		"":                 {"The request cannot be processed", "Please start again from the shop."},
	},
}

// errorText falls back to a neutral sentence for codes that only programs run into.
func errorText(lang validation.Language, code Code) text {
	if t, ok := errorTexts[lang][code]; ok {
		return t
	}
	return errorTexts[lang][""]
}

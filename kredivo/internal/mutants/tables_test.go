package mutants

// tables are all mutants, in the order of docs/testing.md.
var tables = [][]mutant{receiveMutants, dokuMutants, evidenceMutants, askingMutants, deliveryMutants, storeMutants, databaseMutants}

// Package yamlnode owns how the nodes of the config's YAML are walked: aliases and merge keys followed within
// bounds, the place of a value found again, what YAML makes of texts that should have been quoted told with its
// remedy, and the word that an unknown one was meant to be. All readers of the config walk with it, so that the
// same text means the same in every part.
//
// It does not know what the config holds, decodes no values but time spans and sizes, and reads no files.
package yamlnode

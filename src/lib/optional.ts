/** The name of the package that an import did not find; null: the import failed for another reason. */
export function missingPackage(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_MODULE_NOT_FOUND') return null;
  // A path in place of the name is a file of an installed package, which is then broken.
  return /^Cannot find package '([^'./][^']*)'/.exec(error.message)?.[1] ?? null;
}

/**
 * The advice of a failure for an import that stores nothing: a view source that is not stored cannot be resumed, redriven or resynced, but
 * imported again.
 */
export function importAdvice(advice: string): string {
  return advice
    .replace(/ The view stays halted[^.]*\./, '')
    .replaceAll(/\bimport again, or (?:resume|redrive) the view\b/gi, 'import again')
    .replaceAll(/\b(?:resume|redrive|resync) (?:the view|it)\b/gi, (found) =>
      found.startsWith('R') ? 'Import again' : 'import again',
    );
}

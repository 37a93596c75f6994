/**
 * Starts a server on the port that people find in the documentation, or on a free one (0) when that is taken.
 * Throws what `start` throws for any other reason.
 */
export async function onPreferredPort<T>(port: number, start: (port: number) => Promise<T>): Promise<T> {
  try {
    return await start(port);
  } catch (error) {
    if (port === 0 || !isPortTaken(error)) throw error;
    return await start(0);
  }
}

function isPortTaken(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // gRPC's server tells it in its message alone.
  return (
    ('code' in error && error.code === 'EADDRINUSE') ||
    /\bEADDRINUSE\b/.test(error.message) ||
    isPortTaken(error.cause)
  );
}

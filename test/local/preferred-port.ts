/**
 * Starts a server on the documented port, or on any free port (0) if that one is taken.
 * Throws any other error of `start`.
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
  // gRPC's server reports it only in the message, PostgreSQL only in its log.
  return (
    ('code' in error && error.code === 'EADDRINUSE') ||
    /\bEADDRINUSE\b|could not bind .*: Address already in use/.test(error.message) ||
    isPortTaken(error.cause)
  );
}

import type { Request } from 'express';

/** The base of this server's addresses, as the caller reached it. */
export function serverUrl(request: Request): string {
  return `${request.protocol}://${request.get('host') ?? 'localhost'}`;
}

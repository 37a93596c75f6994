import type { Request } from 'express';

/** The address of the emulator, as the caller reached it. */
export function serverUrl(request: Request): string {
  return `${request.protocol}://${request.get('host') ?? 'localhost'}`;
}

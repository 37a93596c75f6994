/** A clock that advances by one second with each call. */
export function tickingClock(): () => Date {
  let ms = Date.UTC(2026, 0, 1);
  return () => {
    ms += 1000;
    return new Date(ms);
  };
}

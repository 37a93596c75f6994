/** A clock that moves a second whenever it is asked. */
export function tickingClock(): () => Date {
  let ms = Date.UTC(2026, 0, 1);
  return () => {
    ms += 1000;
    return new Date(ms);
  };
}

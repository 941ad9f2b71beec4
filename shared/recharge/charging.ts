/** Why new charges are stopped, and until when. */
export interface Pause {
  reason: string;
  /** Unix milliseconds; absent: until a person resumes. */
  until?: number;
}

/** The one switch in front of all new charges. Rows wait in `received` while it is off. */
export interface Charging {
  /** The pause in force. May be a few seconds old: it is asked before every charge and must cost nothing. */
  paused(): Promise<Pause | undefined>;
  pause(pause: Pause): Promise<void>;
  resume(): Promise<void>;
  /**
   * Counts grants whose outcome is unknown, across all processes, until one is known to be granted.
   *
   * @returns how many there were in a row, this one included; 0 after a granted one.
   */
  countGrant(outcome: 'granted' | 'unknown'): Promise<number>;
}

/** Why new charges are stopped, and until when. */
export interface Pause {
  reason: string;
  /** Unix milliseconds; absent: until a person resumes. */
  until?: number;
  /** Unix milliseconds; absent where an earlier version of this program paused. */
  since?: number;
  /** The person who paused, as their machine calls them. Absent: the relay itself, or an earlier version. */
  by?: string;
}

/** The one switch in front of all new charges. Rows wait in `received` while it is off. */
export interface Charging {
  /** The pause in force. May be a few seconds old: it is asked before every charge and must cost nothing. */
  paused(): Promise<Pause | undefined>;
  pause(pause: Omit<Pause, 'since'>): Promise<void>;
  resume(): Promise<void>;
  /**
   * Notes that a grant did not go through, for whatever reason, across all processes, until one does.
   *
   * @returns how many different clients there are in a row by now, this one included; it counts to ten.
   */
  grantFailed(email: string): Promise<number>;
  /**
   * One grant went through: the count begins anew, and a pause that has an end (those the relay makes itself) ends.
   *
   * @returns whether charging was paused, and goes on.
   */
  grantWentThrough(): Promise<boolean>;
}

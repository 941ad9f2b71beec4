/** One line of what a probe learnt. No key, email or query string is in it. */
export interface Finding {
  asked: string;
  came: string;
  /** For the profile. */
  means: string;
  /** False if a setting keeps what it was because nothing proves another. */
  known: boolean;
}

export const findingLine = ({ asked, came, means }: Finding) => `${asked}: ${came}. ${means}.`;

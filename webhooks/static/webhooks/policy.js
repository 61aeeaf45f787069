/* htmx would write a style into each page, which the policy for pages does not let it; it is in admin.css. */
htmx.config.includeIndicatorStyles = false;

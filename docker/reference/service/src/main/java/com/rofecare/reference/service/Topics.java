package com.rofecare.reference.service;

import java.util.List;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The topics of this service, as the config server names them.
 *
 * @param published each gets one event for every new record
 * @param consumed the events of other services that this one stores
 */
@ConfigurationProperties("rofecare.topics")
public record Topics(@DefaultValue List<String> published, @DefaultValue List<String> consumed) {}

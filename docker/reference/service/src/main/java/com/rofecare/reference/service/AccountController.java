package com.rofecare.reference.service;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.http.HttpStatus;
import org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** Registration and sign-in, in the identity service alone. */
@RestController
@ConditionalOnProperty("rofecare.accounts")
@RequestMapping("${rofecare.prefix}")
class AccountController {

    private static final int MINIMUM_SECRET_BYTES = 32;
    private static final Duration VALID = Duration.ofHours(1);
    /** BCrypt looks at no more bytes than these. */
    private static final int LONGEST_PASSWORD_BYTES = 72;

    private static final int SHORTEST_PASSWORD = 8;

    private final AccountRepository accounts;
    private final BCryptPasswordEncoder passwords = new BCryptPasswordEncoder();
    /** Compared with when the name is unknown, so that the time of the answer does not tell which names exist. */
    private final String nobody = passwords.encode(UUID.randomUUID().toString());

    private final byte[] secret;

    AccountController(AccountRepository accounts, @Value("${JWT_SECRET:}") String secret) {
        this.accounts = accounts;
        this.secret = secret.getBytes(StandardCharsets.UTF_8);
        if (this.secret.length < MINIMUM_SECRET_BYTES) {
            throw new IllegalStateException("JWT_SECRET has " + this.secret.length + " bytes; at least "
                    + MINIMUM_SECRET_BYTES + " are needed (file /run/secrets/JWT_SECRET).");
        }
    }

    record Credentials(String username, String password) {}

    @PostMapping("/register")
    @ResponseStatus(HttpStatus.CREATED)
    Map<String, String> register(@RequestBody Credentials given) {
        if (given.username() == null || !given.username().matches("[A-Za-z0-9._@-]{3,64}")) {
            throw new ResponseStatusException(HttpStatus.BAD_REQUEST, "username: 3 to 64 letters, digits or . _ @ -");
        }
        String password = given.password() == null ? "" : given.password();
        if (password.length() < SHORTEST_PASSWORD
                || password.getBytes(StandardCharsets.UTF_8).length > LONGEST_PASSWORD_BYTES) {
            throw new ResponseStatusException(HttpStatus.BAD_REQUEST,
                    "password: " + SHORTEST_PASSWORD + " characters to " + LONGEST_PASSWORD_BYTES + " bytes");
        }
        if (accounts.add(given.username(), passwords.encode(password), Instant.now()) == 0) {
            throw new ResponseStatusException(HttpStatus.CONFLICT, "this username is taken");
        }
        return Map.of("username", given.username());
    }

    @PostMapping("/login")
    Map<String, Object> login(@RequestBody Credentials given) throws JOSEException {
        String username = given.username() == null ? "" : given.username();
        String password = given.password() == null ? "" : given.password();
        String hash = accounts.findById(username).map(Account::passwordHash).orElse(nobody);
        if (password.getBytes(StandardCharsets.UTF_8).length > LONGEST_PASSWORD_BYTES || !passwords.matches(password, hash)) {
            throw new ResponseStatusException(HttpStatus.UNAUTHORIZED, "unknown username or wrong password");
        }
        return Map.of("token", token(username), "expiresIn", VALID.toSeconds());
    }

    private String token(String username) throws JOSEException {
        Instant now = Instant.now();
        SignedJWT token = new SignedJWT(
                new JWSHeader(JWSAlgorithm.HS256),
                new JWTClaimsSet.Builder()
                        .subject(username)
                        .issuer("rofecare")
                        .issueTime(Date.from(now))
                        .expirationTime(Date.from(now.plus(VALID)))
                        .claim("roles", List.of("USER"))
                        .build());
        token.sign(new MACSigner(secret));
        return token.serialize();
    }
}
